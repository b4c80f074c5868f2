# SPDX-License-Identifier: GPL-2.0-only
#
# nf_vpn_passthrough: what people type. The modules themselves are listed in
# Kbuild, the supported kernels in scripts/kernels.

KDIR ?= /lib/modules/$(shell uname -r)/build
CURRENT := $(CURDIR)
# the guest's kernel of "make shell"
KERNEL ?= 6.1

# dkms.conf has the version
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"$$/\1/p' dkms.conf)
DKMS_SOURCE := /usr/src/nf-vpn-passthrough-$(VERSION)

.PHONY: all modules tool install dkms-install deb clean test test-all test-beside fuzz fuzz-coverage storm test-arch test-packages intree-patch test-debug check bench bench-check sim demo capture shell help distclean-cache

all: modules

modules:
	@scripts/check-config "$(KDIR)"
	@echo "Building for kernel $$(cat "$(KDIR)/include/config/kernel.release" 2>/dev/null || echo "of $(KDIR)")"
	$(MAKE) -C "$(KDIR)" M="$(CURRENT)" modules

# needs libmnl-dev
tool:
	$(MAKE) -C tool

install: modules
	$(MAKE) -C "$(KDIR)" M="$(CURRENT)" modules_install
	depmod -a $(if $(INSTALL_MOD_PATH),-b "$(INSTALL_MOD_PATH)") "$$(cat "$(KDIR)/include/config/kernel.release")"

# The sources, where DKMS looks for them; only what a build needs.
dkms-install:
	@set -e; for f in Kbuild Makefile dkms.conf LICENSE scripts/kernels \
		$$(find include nf_vpn_passthrough scripts/probes -name '*.[ch]'); do \
		install -D -m 644 "$$f" "$(DESTDIR)$(DKMS_SOURCE)/$$f"; done; \
	for f in scripts/probe scripts/check-config; do \
		install -D -m 755 "$$f" "$(DESTDIR)$(DKMS_SOURCE)/$$f"; done
	$(if $(DESTDIR),,@echo "Now: dkms install nf-vpn-passthrough/$(VERSION)")

clean:
	@if [ -d "$(KDIR)" ]; then $(MAKE) -C "$(KDIR)" M="$(CURRENT)" clean; \
	else find . -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name Module.symvers -o -name modules.order | xargs -r rm -f; fi

test:
	scripts/setup
	test/run

# every network test on every kernel, whatever "make test" leaves to some; TESTS='pptp-*'
test-all:
	scripts/setup
	test/run $(addprefix -k ,$(shell grep -v '^\#' scripts/kernels | cut -d ' ' -f 1)) '$(or $(TESTS),*)'

# the kernel's own netfilter tests with and without our modules, and 1,000 times the
# modules unloaded and loaded under traffic
BESIDE_KERNEL ?= 7.3
test-beside:
	scripts/setup
	scripts/kernel-selftests -k $(BESIDE_KERNEL)
	test/run -j 1 -k $(BESIDE_KERNEL) -e RELOADS=1000 -T 20 fault-modules

# DEBUG_KERNELS="7.3-debug 6.1-debug 7.3-kcsan" for more; hours; TESTS='pptp-*' for less
DEBUG_KERNELS ?= 7.3-debug
test-debug:
	scripts/setup debug
	test/lib/selftest-debug $(DEBUG_KERNELS)
	test/run $(addprefix -k ,$(DEBUG_KERNELS)) '$(or $(TESTS),*)'

# other processors, emulated: unit tests, builds, a short suite; s390x is big-endian
ARCH_KERNELS ?= 6.1-arm64 6.1-s390x
test-arch:
	scripts/setup
	scripts/setup arch
	test/run -j 1 $(addprefix -k ,$(ARCH_KERNELS))

# minutes for each fuzzer; what is learned is kept for the next time
MINUTES ?= 10
fuzz:
	scripts/setup
	test/fuzz/run -t $$(($(MINUTES) * 60))

# which lines the fuzzers reach
fuzz-coverage:
	scripts/setup
	test/fuzz/coverage

# 10,000,000 take an hour and a half; another SEED throws others
PACKETS ?= 1000000
SEED ?= 0
storm:
	scripts/setup debug
	test/lib/selftest-debug 7.3-kasan
	scripts/storm -S $(SEED) $(PACKETS)

check:
	scripts/setup check
	scripts/check

deb:
	scripts/setup deb
	@scripts/deb

# KDIR=a kernel's source
intree-patch:
	@scripts/intree-patch "$(KDIR)"

# SUITES='bookworm sid' for less
test-packages:
	scripts/setup deb
	test/packages/run $(SUITES)

# docs/bench.md, .json and .svg; SCENARIOS="gre esp" for less
bench:
	scripts/setup
	scripts/bench $(SCENARIOS)

# the same for few sessions, against the stored figures: fails beyond 3%
bench-check:
	scripts/setup
	scripts/bench -q -g $(or $(SCENARIOS),gre esp udp others)

# docs/association.md and .svg; the same on any machine
sim:
	test/sim/run

demo:
	scripts/setup
	scripts/demo

# test/captures/NAME-*.pcapng and NAME.txt, recorded anew; without a NAME: which there are
capture:
	scripts/setup
	scripts/capture -k "$(KERNEL)" "$(NAME)"

shell:
	scripts/setup
	scripts/vm -i -k "$(KERNEL)" test/lib/shell

# Kernels, roots and builds are fetched and made anew the next time.
distclean-cache:
	scripts/clean-cache

help:
	@echo "make            build the modules for this kernel (or KDIR=its build tree)"
	@echo "make tool       build the command nfvpn (tool/nfvpn); needs libmnl-dev; then: make -C tool install"
	@echo "make install    install them for that kernel, and run depmod"
	@echo "make dkms-install  put the sources into $(DKMS_SOURCE), for DKMS (DESTDIR=)"
	@echo "make deb        the Debian packages of the last commit"
	@echo "make clean      remove what was built"
	@echo "make demo       watch two clients of each VPN share one address, without and with the modules"
	@echo "make test       all tests, on all supported kernels, in guests"
	@echo "make test-all   every network test on every kernel; hours"
	@echo "make test-beside  the kernel's own netfilter tests with and without the modules; 1,000 unloads; an hour"
	@echo "make test-debug  the network tests on a kernel with KASAN, lockdep, kmemleak ($(DEBUG_KERNELS)); hours"
	@echo "make test-arch  unit tests, builds and a short suite for other processors ($(ARCH_KERNELS))"
	@echo "make fuzz       the fuzzers of the parsers and the association engine, $(MINUTES) minutes each (MINUTES=)"
	@echo "make storm      mutated packets and messages at the modules on a kernel with KASAN, tunnels up (PACKETS=, SEED=)"
	@echo "make fuzz-coverage  how much of these files they reach (90 % is asked of each)"
	@echo "make intree-patch KDIR=...  prints a patch that adds the modules to a kernel's source"
	@echo "make test-packages  the packages on Debian 11, 12, 13 and sid: installed, used, upgraded, purged"
	@echo "make bench      instructions of packets, sessions, listings, with and without us: docs/bench.md (hours)"
	@echo "make bench-check  the same for few sessions, beside the stored figures"
	@echo "make sim        how ESP finds its client, simulated: writes docs/association.md and .svg (minutes)"
	@echo "make check      shellcheck, checkpatch, sparse, clang, coccinelle, kernel-doc"
	@echo "make capture NAME=...  record a VPN scenario with real software for test/captures"
	@echo "make shell      a shell in a guest in the tests' network (KERNEL=$(KERNEL))"
	@echo "make distclean-cache   forget fetched kernels, roots and builds"
	@echo "Supported kernels (scripts/kernels): $$(grep -v '^#' scripts/kernels | awk '{ printf "%s ", $$1 }')"
