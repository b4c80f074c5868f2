# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced after common.sh: what makes a distribution's kernel boot in a guest.

GUEST_INIT=$REPO/scripts/guest/init
GUEST_MODULES="virtio_pci virtio_console virtio_rng 9pnet_virtio 9p overlay virtio_blk squashfs"

# vmlinux_of BZIMAGE: the ELF inside, by the x86 boot protocol (payload offset
# and length at 0x248 and 0x24c, counted from the end of the setup sectors).
vmlinux_of() {
	local image=$1 sectors offset length tool
	[ "$(tail -c +515 "$image" | head -c 4)" = HdrS ] || die "$image is no bzImage"
	sectors=$(od -An -tu1 -j497 -N1 "$image")
	read -r offset length < <(od -An -tu4 -j584 -N8 "$image")
	offset=$(((sectors + 1) * 512 + offset))
	case $(od -An -tx1 -j$offset -N4 "$image" | tr -d ' ') in
	fd377a58) tool="xz -dc" ;;
	28b52ffd) tool="zstd -dcq" ;;
	1f8b*) tool="gzip -dcq" ;;
	*) die "$image: unknown compression" ;;
	esac
	# the payload is followed by its size: the tools complain about those bytes
	tail -c +$((offset + 1)) "$image" | head -c "$length" | $tool 2>/dev/null || true
}

# Busybox loads no compressed module.
unpacked() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -dcq "$1" ;;
	*) cat "$1" ;;
	esac
}

# The guest's: that of another processor lies beside its kernel.
stage1_busybox() {
	if [ -e "$1/sysroot" ]; then echo "$1/sysroot/bin/busybox"; else echo /bin/busybox; fi
}

# An uncompressed initramfs: busybox, the modules that reach the root, stage 1.
make_initrd() {
	local dir=$1 kv=$2 t=$1/initrd.tmp m f
	mkdir -p "$t"/{bin,m,proc,sys,dev,lower,rw,newroot}
	cp "$(stage1_busybox "$dir")" "$t/bin/busybox"
	ln -s busybox "$t/bin/sh"
	: >"$t/m/order"
	for m in $GUEST_MODULES; do
		/sbin/modprobe -d "$dir" -S "$kv" --show-depends "$m" 2>/dev/null |
			awk '/^insmod/ { print $2 }' | while read -r f; do
			grep -qx "${f##*/}" "$t/m/order" && continue
			unpacked "$f" >"$t/m/${f##*/}"
			echo "${f##*/}" >>"$t/m/order"
		done || true # built in on some kernels
	done
	install -m 755 "$GUEST_INIT" "$t/init"
	(cd "$t" && find . | cpio -o -H newc --quiet) >"$dir/initrd.img"
	rm -rf "$t"
}
