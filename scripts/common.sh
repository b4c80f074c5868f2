# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by the other scripts: where things are, the kernel table, private apt
# lists, small roots. Nothing here installs a kernel or loads a module.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${NF_VPN_CACHE:-$HOME/.cache/nf_vpn}
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd -P)
export LC_ALL=C

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# The table, without its comments.
kernel_table() { grep -v -e '^#' -e '^[[:space:]]*$' "$REPO/scripts/kernels"; }
kernel_names() { kernel_table | awk '{ print $1 }'; }
kernel_names_main() { kernel_table | awk '$5 == "main" { print $1 }'; }

# kernel_field NAME SUITE|BUILDER|CC|ROLE|KV
kernel_field() {
	local column
	if [ -n "$(kernel_flavour "$1")" ]; then
		debug_kernel_field "${1%-*}" "$2"
		return
	fi
	if [ -n "$(kernel_foreign "$1")" ]; then
		foreign_kernel_field "$1" "$2"
		return
	fi
	case $2 in
	SUITE) column=2 ;; BUILDER) column=3 ;; CC) column=4 ;;
	ROLE) column=5 ;; KV) column=6 ;;
	*) die "no column $2 in scripts/kernels" ;;
	esac
	# an awk program sees the backslashes of the KV column as they are
	kernel_table | awk -v n="$1" -v c="$column" '$1 == n { print $c; found = 1 }
		END { exit !found }' ||
		die "no kernel '$1' in scripts/kernels; it has: $(kernel_names | xargs)"
}

# The kernels that scripts/debug-kernel makes, 7.3-debug for one, are not in the
# table: nobody but the tests runs them. This machine's suite compiles them.
kernel_flavour() {
	case $1 in
	*-debug | *-kasan | *-kcsan) echo "${1##*-}" ;;
	esac
}

# A debug kernel's clock counts instructions (an option of scripts/vm, or none): on a busy
# machine a clock that goes on without it would bring the next tick before the last one
# is done, for ever. But then processors take turns, and KCSAN is to see two at a time.
kernel_clock() { [ "$(kernel_flavour "$1")" != debug ] || echo -c; }

debug_kernel_field() {
	case $2 in
	BUILDER) echo bookworm ;;
	CC) echo gcc-12 ;;
	ROLE) echo main ;;
	*) kernel_field "$1" "$2" ;;
	esac
}

# Nor are kernels for another processor, 6.1-s390x for one: Debian's kernel for it,
# of the same suite. Cross compilers of this machine's suite (scripts/setup arch)
# make its modules.
kernel_foreign() {
	case $1 in
	*-arm64 | *-s390x) echo "${1##*-}" ;;
	esac
}

foreign_kernel_field() {
	local arch=${1##*-} field
	field=$(kernel_field "${1%-*}" "$2") || exit
	case $2 in
	CC) echo "$(arch_field "$arch" TRIPLET)-$field" ;;
	KV) echo "${field/amd64/$arch}" ;;
	*) echo "$field" ;;
	esac
}

# arch_field ARCH TRIPLET|KERNEL|QEMU|ORDER: the compiler's name for a processor, the
# kernel's, QEMU's, and the order of its bytes.
arch_field() {
	case $1-$2 in
	arm64-TRIPLET) echo aarch64-linux-gnu ;;
	arm64-KERNEL) echo arm64 ;;
	arm64-QEMU) echo aarch64 ;;
	arm64-ORDER) echo little ;;
	s390x-TRIPLET) echo s390x-linux-gnu ;;
	s390x-KERNEL) echo s390 ;;
	s390x-QEMU) echo s390x ;;
	s390x-ORDER) echo big ;;
	*) die "no $2 for processor '$1'" ;;
	esac
}

# Where another processor's compiler finds libmnl.
sysroot_flags() {
	local root
	root=$(kernel_dir "$1")/sysroot/usr
	echo "-I$root/include -L$root/lib/$(arch_field "$(kernel_foreign "$1")" TRIPLET)"
}

# A NAME with a slash is such a directory itself.
kernel_dir() { case $1 in */*) echo "$1" ;; *) printf '%s/kernels/%s\n' "$CACHE" "$1" ;; esac; }

# The version (uname -r) of a fetched kernel.
kernel_kv() {
	cat "$(kernel_dir "$1")/kv" 2>/dev/null ||
		die "kernel $1 is not in the cache: run scripts/kernel-fetch $1"
}

kernel_headers() { printf '%s/usr/src/linux-headers-%s\n' "$(kernel_dir "$1")" "$(kernel_kv "$1")"; }

host_suite() (
	# shellcheck source=/dev/null
	. /etc/os-release
	printf '%s\n' "${VERSION_CODENAME:-unknown}"
)

# with_lock NAME COMMAND...: one run at a time, waiting at most 30 minutes; 2 hours
# for a debug kernel, which is long in the making.
with_lock() {
	local lock=$CACHE/lock/$1 minutes=30
	[ -z "$(kernel_flavour "$1")" ] || minutes=120
	shift
	mkdir -p "$CACHE/lock"
	(
		flock -w $((minutes * 60)) 9 || die "$lock is still held after $minutes minutes"
		"$@"
	) 9>"$lock"
}

# The mirror this machine's own apt uses for its release; no address is written
# in this repository. Reads both formats of apt's sources.
apt_mirror() {
	local suite mirror
	suite=$(host_suite)
	mirror=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v want="$suite" '
		/^[[:space:]]*$/ { uri = "" }
		/^URIs:/ { uri = $2 }
		/^Suites:/ { for (i = 2; i <= NF; i++) if ($i == want && uri) { print uri; exit } }')
	[ -n "$mirror" ] || mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed 's/\[[^]]*\]//' | awk -v want="$suite" '$1 == "deb" && $3 == want { print $2; exit }')
	[ -n "$mirror" ] || die "no Debian mirror for '$suite' in this machine's apt sources"
	printf '%s\n' "$mirror"
}

# apt_options SUITE [ARCH]: fills APT_OPTIONS so that apt sees that one suite only,
# with its lists in the cache. The machine's own apt state is not touched. With
# another processor's ARCH apt sees a machine of that kind, with nothing installed.
apt_options() {
	local dir=$CACHE/apt/$1${2:+-$2}
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	printf 'deb [%ssigned-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
		"${2:+arch=$2 }" "$(apt_mirror)" "$1" >"$dir/sources.list"
	APT_OPTIONS=(-q "-oDir::Etc::SourceList=$dir/sources.list"
		-oDir::Etc::SourceParts=/dev/null "-oDir::State::Lists=$dir/lists"
		"-oDir::Cache::pkgcache=$dir/pkgcache.bin"
		"-oDir::Cache::srcpkgcache=$dir/srcpkgcache.bin"
		-oAPT::Sandbox::User=root -oAcquire::Retries=3
		-oAPT::Get::List-Cleanup=false)
	[ -n "${2:-}" ] || return 0
	: >"$dir/status"
	APT_OPTIONS+=("-oAPT::Architecture=$2" "-oAPT::Architectures=$2" "-oDir::State::status=$dir/status"
		"-oDir::Cache::archives=$dir/archives")
}

# apt_update SUITE [ARCH]: refreshes those lists; call apt_options first.
apt_update() {
	local log=$CACHE/apt/$1${2:+-$2}/update.log
	# kernels of one suite may be fetched side by side; apt does not wait for its lock
	with_lock "apt-$1${2:+-$2}" apt-get "${APT_OPTIONS[@]}" update >"$log" 2>&1 ||
		{ cat "$log" >&2; die "apt cannot read suite $1"; }
}

# unpack_debs DIR DEB...: into a root without maintainer scripts, /bin being /usr/bin.
unpack_debs() {
	local dir=$1 deb d
	shift
	for d in bin sbin lib; do
		mkdir -p "$dir/usr/$d"
		[ -e "$dir/$d" ] || ln -s "usr/$d" "$dir/$d"
	done
	for deb in "$@"; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir" --keep-directory-symlink \
			--exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*'
	done
}

# package_list FILE: the packages named in a list file with comments.
package_list() { sed 's/#.*//' "$1" | tr -s ' \t\n' '\n' | sed '/^$/d'; }

# make_root SUITE DIR PACKAGES...: a minimal Debian root, by mmdebstrap.
make_root() {
	local suite=$1 dir=$2 options=() line
	shift 2
	# mmdebstrap reads no apt.conf of this machine: hand over its proxies etc.
	while IFS= read -r line; do
		options+=("--aptopt=$line")
	done < <(apt-config dump | grep -iE '^Acquire::[a-z:]*(Proxy|Verify|CaInfo|Check-Valid-Until)[^ ]* "[^"]+"' || true)
	mmdebstrap --quiet --variant=apt --mode=root \
		--keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
		--aptopt='Acquire::Retries "3"' ${options[@]+"${options[@]}"} \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--include="$(IFS=,; echo "$*")" "$suite" "$dir" \
		"deb $(apt_mirror) $suite main"
}

# The directory of builds of one source tree: two clones do not share one.
build_dir() {
	local src
	src=$(cd "${NF_VPN_SRC:-$REPO}" && pwd -P)
	printf '%s/build/%s-%s/%s\n' "$CACHE" "${src##*/}" "$(printf %s "$src" | sha256sum | cut -c1-8)" "$1"
}
