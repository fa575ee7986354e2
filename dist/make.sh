#!/usr/bin/env bash
# Makes what is installed elsewhere, in artifacts/dist: ./build.sh dist calls it, and has seen to the tools. What a tool is
# missing for is left out, with a line that says so.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

version=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props)
out=$PWD/artifacts/dist
work=$PWD/artifacts/obj/dist
# What an archive says of when it was made is the commit's: the same source makes the same bytes.
epoch=$(git log -1 --format=%ct 2>/dev/null || date +%s)

note() { printf '%s\n' "$*" >&2; }

# publish PROJECT RUNTIME DIRECTORY [ARGUMENT…]
publish() {
    local project=$1 runtime=$2 directory=$3
    shift 3
    rm -rf "$directory"
    dotnet publish "$project" -c Release -r "$runtime" -o "$directory" -v quiet --nologo "$@" >&2
}

# hook SYSTEM COMPILER [PROPERTY…]: the preload libraries and the launcher.
hook() {
    local system=$1 compiler=$2
    shift 2
    dotnet msbuild recorder/AllocReplay.Recorder.csproj "-t:BuildHook;BuildLauncher" -nologo -v:quiet \
        -p:HookOutput="$work/hook-$system/" -p:HookCompiler="$compiler" "$@" >&2
}

# The newest version of glibc that a file asks for.
glibc_of() { objdump -T "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | sed 's|GLIBC_|glibc |'; }

# archive NAME: what lies in a directory of that name becomes a file of it.
archive() {
    tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" --mode=u+w,go-w -C "$work" "$1" | gzip -9n >"$out/$1.tar.gz"
    note "$(du -k --apparent-size "$out/$1.tar.gz" | cut -f1) KiB, unpacked $(du -sk --apparent-size "$work/$1" | cut -f1) KiB: $1.tar.gz"
}

# begin NAME README: an empty directory but for the licence and a page that says what to do.
begin() {
    rm -rf "${work:?}/$1"
    mkdir -p "$work/$1"
    cp LICENSE "$work/$1/"
    cp "dist/$2" "$work/$1/README"
}

# old_glibc x64|arm64: where an older glibc is to link with, Debian 11's, so that an executable starts on older systems too.
old_glibc() {
    local sysroot=$work/glibc-$1 stage=$work/bullseye-$1 arch=$1 package link
    [ "$arch" != x64 ] || arch=amd64
    if [ ! -e "$sysroot/whole" ]; then
        command -v debootstrap >/dev/null && [ "$(id -u)" = 0 ] || return 1
        rm -rf "$stage" "$sysroot"
        tests/debian.sh make bullseye "$stage" --arch="$arch" --foreign --include=libc6-dev >&2 || return 1
        for package in "$stage"/var/cache/apt/archives/libc6{,-dev}_*.deb; do
            dpkg-deb -x "$package" "$sysroot" || return 1
        done
        rm -rf "$stage"
        # They are meant for a root of their own.
        find "$sysroot" -type l -lname '/*' | while read -r link; do ln -sfn "$sysroot$(readlink "$link")" "$link"; done
        touch "$sysroot/whole"
    fi
    echo "$sysroot"
}

# recorder x64|arm64 PREFIX: the native recorder, by the compiler and the tools whose names begin so.
recorder() {
    local system=$1 prefix=$2 name=allocreplay-recorder-$version-linux-$1 sysroot file
    if ! command -v "${prefix}gcc" >/dev/null; then
        note "dist: no ${prefix}gcc: left out is $name"
        return
    fi
    if ! sysroot=$(old_glibc "$system"); then
        note "dist: no older glibc, as that takes debootstrap and root: $name needs one as new as this system's"
        sysroot=
    fi
    publish cli/native/AllocReplay.Native.csproj "linux-$system" "$work/native-$system" \
        -p:SysRoot="$sysroot" -p:CppCompilerAndLinker="${prefix}gcc" -p:ObjCopyName="${prefix}objcopy"
    hook "$system" "${prefix}gcc"
    begin "$name" recorder.txt
    cp "$work/native-$system/allocreplay-main" "$work/hook-$system"/allocreplay \
        "$work/hook-$system"/liballocreplay{,-mallochook,-regions}.so "$work/$name/"
    "${prefix}strip" --strip-debug "$work/$name"/{allocreplay,*.so}
    ln -s allocreplay-main "$work/$name/allocreplay-drain"
    {
        echo
        for file in allocreplay-main liballocreplay.so liballocreplay-mallochook.so liballocreplay-regions.so; do
            echo "$file asks for symbols of $(glibc_of "$work/$name/$file") and before."
        done
    } >>"$work/$name/README"
    archive "$name"
}

# The kernel's headers are glibc's neighbours, and musl has none of the libraries that glibc had.
hook_for_musl() {
    local name=allocreplay-recorder-$version-linux-x64-musl
    if ! command -v musl-gcc >/dev/null; then
        note "dist: no musl-gcc: left out is $name"
        return
    fi
    hook x64-musl musl-gcc -p:HookLibraries= -p:HookSystem="-idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu"
    begin "$name" hook.txt
    cp "$work/hook-x64-musl/liballocreplay.so" "$work/$name/"
    strip --strip-debug "$work/$name/liballocreplay.so"
    archive "$name"
}

full() {
    local name=allocreplay-$version-linux-x64
    begin "$name" full.txt
    publish cli/AllocReplay.Cli.csproj linux-x64 "$work/full" --self-contained -p:UseAppHost=true -p:PublishReadyToRun=true
    rm -f "$work/full"/*.pdb "$work/full"/*.xml
    mv "$work/full" "$work/$name/lib"
    ln -s lib/allocreplay "$work/$name/allocreplay"
    archive "$name"
}

rm -rf "$out"
mkdir -p "$out" "$work"
recorder x64 ""
recorder arm64 aarch64-linux-gnu-
hook_for_musl
full
dotnet pack cli/AllocReplay.Cli.csproj -c Release -r linux-x64 -p:PackAsTool=true -o "$out" -v quiet --nologo >&2
dotnet pack formats/AllocReplay.Formats.csproj -c Release -o "$out" -v quiet --nologo >&2
(cd "$out" && sha256sum -- * >SHA256SUMS)
note "made $(find "$out" -type f | wc -l) files in artifacts/dist"
