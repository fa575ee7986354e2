#!/usr/bin/env bash
# A minimal Debian in a directory, and commands run in it. Needs root and debootstrap.
set -euo pipefail

if [ $# -lt 3 ]; then
    cat >&2 <<'TEXT'
usage: tests/debian.sh make RELEASE DIRECTORY [ARGUMENTS OF DEBOOTSTRAP]
       tests/debian.sh run DIRECTORY COMMAND [ARGS]

make: unless it is there already. MIRROR: where Debian comes from; otherwise where apt has it from here.
run: in process and mount namespaces of its own, so that nothing stays mounted and nothing goes on running.
TEXT
    exit 2
fi

make() {
    local release=$1 root=$2 mirror
    shift 2
    [ ! -e "$root/etc/debian_version" ] || return 0
    # shellcheck disable=SC2016 # apt's own variable
    mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)}
    mkdir -p "$root"
    debootstrap --variant=minbase "$@" "$release" "$root" "$mirror"
}

run() {
    # shellcheck disable=SC2016 # expanded inside
    ROOT=$(realpath "$1") exec unshare --mount --pid --fork --propagation private bash -c '
        set -e
        mount --bind "$ROOT" "$ROOT" # a mount of its own, as the root of a machine is: tests make namespaces of mounts
        mount -t proc proc "$ROOT/proc"
        mount --rbind /sys "$ROOT/sys"
        mount --rbind /dev "$ROOT/dev"
        mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
        exec chroot "$ROOT" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
            ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} "$@"
    ' bash "${@:2}"
}

"$@"
