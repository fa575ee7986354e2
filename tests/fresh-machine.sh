#!/usr/bin/env bash
# Runs build.sh on a machine that has nothing but a minimal Debian, git and the .NET SDK of this one: a chroot of its own process and
# mount namespaces, so that nothing stays mounted and nothing goes on running. Needs root and debootstrap.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

if [ $# -eq 0 ]; then
    cat >&2 <<'TEXT'
usage: tests/fresh-machine.sh RELEASE [COMMAND [ARGS]]

Makes a minimal Debian RELEASE (bookworm, trixie) in artifacts/fresh, clones what is committed here into it, and runs
./build.sh COMMAND there; without COMMAND demo, then test.
  FRESH    another directory for the machines; one that is there already is used again, with what was installed since
  MIRROR   where Debian comes from; otherwise where apt has it from here
TEXT
    exit 2
fi

release=$1
shift
root=$(realpath -m "${FRESH:-artifacts/fresh}")/$release
sdk=$(dirname "$(readlink -f "$(command -v dotnet)")")

if [ ! -e "$root/etc/debian_version" ]; then
    # shellcheck disable=SC2016 # apt's own variable
    mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)}
    mkdir -p "$root"
    debootstrap --variant=minbase --include=ca-certificates,git "$release" "$root" "$mirror"
fi

# What this machine needs to reach a registry, the fresh one needs too: certificates, proxies, names.
for file in /etc/resolv.conf /etc/hosts; do
    cp -L $file "$root$file"
done
cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
apt-config dump Acquire >"$root/etc/apt/apt.conf.d/90-of-the-host"
mkdir -p "$root/usr/share/dotnet" "$root/root/.nuget/NuGet"
cp -a "$sdk/." "$root/usr/share/dotnet/"
ln -sf /usr/share/dotnet/dotnet "$root/usr/bin/dotnet"
cp ~/.nuget/NuGet/NuGet.Config "$root/root/.nuget/NuGet/" 2>/dev/null || true

# A clean checkout, as a newcomer has it, where other users may look too; packages that NuGet has already fetched stay.
rm -rf "$root/srv/allocreplay"
git clone --quiet --no-hardlinks . "$root/srv/allocreplay"

cat >"$root/root/in-the-machine" <<'SCRIPT'
set -e
update-ca-certificates >/dev/null 2>&1
cd /srv/allocreplay
[ $# -eq 0 ] || exec ./build.sh "$@"
./build.sh demo
exec ./build.sh test
SCRIPT

# shellcheck disable=SC2016 # expanded inside
ROOT=$root unshare --mount --pid --fork --propagation private bash -c '
    set -e
    mount --bind "$ROOT" "$ROOT" # a mount of its own, as the root of a machine is: tests make namespaces of mounts
    mount -t proc proc "$ROOT/proc"
    mount --rbind /sys "$ROOT/sys"
    mount --rbind /dev "$ROOT/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
    exec chroot "$ROOT" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
        ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
        bash /root/in-the-machine "$@"
' bash "$@"
