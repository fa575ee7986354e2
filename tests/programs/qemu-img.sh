#!/usr/bin/env bash
# qemu-img converts and compresses images, with coroutines on stacks of their own.
# packages: qemu-utils
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

noise 2000000 >a.raw
lines 150000 >>a.raw
truncate -s 24M a.raw
"$@" qemu-img convert -c -f raw -O qcow2 -m 4 a.raw a.qcow2
qemu-img check -q a.qcow2 && qemu-img convert -f qcow2 -O raw a.qcow2 b.raw && cmp a.raw b.raw && digest b.raw
