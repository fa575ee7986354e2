#!/usr/bin/env bash
# Runs build.sh on a machine that has nothing but a minimal Debian, git and the .NET SDK of this one: by tests/debian.sh.
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

tests/debian.sh make "$release" "$root" --include=ca-certificates,git

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

exec tests/debian.sh run "$root" bash /root/in-the-machine "$@"
