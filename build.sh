#!/usr/bin/env bash
# Builds, tests, demonstrates and measures AllocReplay. Every command does its own set-up: what Debian packages it misses it
# installs when it may, and otherwise names in one line.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
configuration=Release

usage() {
    cat <<'TEXT'
usage: ./build.sh COMMAND

  build         build everything; the command is then artifacts/allocreplay
  test [ARGS]   build and run all tests; ARGS go to the test runner (-class '*MergeTests', -method …)
  demo          record redis under load, compare four allocators on the recording, query it
  bench [PART]  measure against peers, interleaved; without PART, list the parts
  pack          make the NuGet package of the trace readers, in artifacts/packages
  fuzz [SECONDS] [SEED]
                feed mutated traces to both readers; --plant: the negative control; --verbose: which errors were reached
  mutate [PART] change the code of formats, replayer or analyzer a little, a thousand times: do the fast tests notice?
  lint          check formatting and, where they are installed, run clang-format and shellcheck
TEXT
}

note() { printf '%s\n' "$*" >&2; }

die() {
    note "build.sh: $*"
    exit 4
}

# A package, and a file or command that shows it is there.
present() {
    case $1 in
        /*) [ -e "$1" ] ;;
        lib*) ldconfig -p | grep -q "$1" ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# install_missing required|optional PACKAGE:SIGN …
install_missing() {
    local kind=$1 missing=() entry sudo=
    shift
    for entry in "$@"; do
        present "${entry#*:}" || missing+=("${entry%%:*}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        [ "$kind" = optional ] || die "missing: ${missing[*]}; install them with your package manager"
        note "build.sh: skipped, as not installed: ${missing[*]}"
        return 0
    fi
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            sudo=sudo
        else
            note "build.sh: missing packages; run: sudo apt-get install -y --no-install-recommends ${missing[*]}"
            [ "$kind" = optional ] || exit 4
            return 0
        fi
    fi
    note "build.sh: installing ${missing[*]}"
    $sudo apt-get update -qq >&2 || true
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 </dev/null || {
        [ "$kind" = optional ] || die "could not install ${missing[*]}"
        note "build.sh: skipped, as they could not be installed: ${missing[*]}"
    }
}

allocators=(libjemalloc2:libjemalloc.so.2 libmimalloc2.0:libmimalloc.so.2 libgoogle-perftools4:libtcmalloc.so.4
    libtcmalloc-minimal4:libtcmalloc_minimal.so.4)

need_build_tools() {
    command -v dotnet >/dev/null || die "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download"
    install_missing required gcc:gcc libc6-dev:/usr/include/stdlib.h
}

build() {
    need_build_tools
    dotnet publish cli/AllocReplay.Cli.csproj -c $configuration -p:PublishReadyToRun=true -o artifacts/lib -v quiet --nologo >&2
    cat >artifacts/allocreplay <<'SCRIPT'
#!/bin/sh
exec dotnet "$(dirname "$(readlink -f "$0")")/lib/allocreplay.dll" "$@"
SCRIPT
    chmod +x artifacts/allocreplay
    note "built artifacts/allocreplay"
}

# Prints the runner's output, then "N passed, N failed, N skipped".
run_tests() {
    need_build_tools
    install_missing required g++:g++
    install_missing optional "${allocators[@]}" libgoogle-perftools-dev:/usr/include/gperftools/malloc_hook_c.h redis-tools:redis-benchmark sqlite3:sqlite3 python3:python3 perl:perl
    dotnet build tests/AllocReplay.Tests.csproj -c $configuration -v quiet --nologo
    local results=artifacts/tests.xml status=0 counts
    mkdir -p artifacts
    rm -f $results
    "tests/bin/$configuration/net10.0/AllocReplay.Tests" -result-xml $results -noColor "$@" || status=$?
    [ -s $results ] || die "the test run ended without results (exit code $status)"
    { grep -o '<test [^>]*>' $results || true; } | sed -n 's/.* name="\([^"]*\)".*result="Skip".*/skipped: \1/p'
    counts=$(grep -o '<assembly [^>]*>' $results | head -1)
    count() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$counts"; }
    local errors
    errors=$(count errors)
    echo "$(count passed) passed, $(($(count failed) + ${errors:-0})) failed, $(count skipped) skipped"
    [ "$(count passed)" != 0 ] || status=1
    return $status
}

demo() {
    need_build_tools
    install_missing required "${allocators[@]:0:3}" redis-tools:redis-benchmark
    build
    demo/redis.sh "$@"
}

lint() {
    need_build_tools
    dotnet format tools.sln --verify-no-changes
    local tool
    for tool in clang-format shellcheck; do
        command -v $tool >/dev/null || note "build.sh: skipped, as not installed: $tool"
    done
    if command -v clang-format >/dev/null; then
        git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
    fi
    if command -v shellcheck >/dev/null; then
        git ls-files '*.sh' .ci/run | xargs shellcheck
    fi
}

# Reports go to artifacts/mutation/PART. Fails where fewer than 85 % of the changes are noticed.
mutate() {
    need_build_tools
    dotnet tool restore >&2
    local part project status=0
    [ $# -gt 0 ] || set -- formats replayer analyzer
    for part in "$@"; do
        project=$(basename "$part"/AllocReplay.*.csproj)
        (
            cd tests/mutation
            export MutatedPart=$part ALLOCREPLAY_TESTS=mutate
            dotnet stryker --project "$project" --output "../../artifacts/mutation/$part" --skip-version-check
        ) || status=1
    done
    return $status
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
    build) build ;;
    test) run_tests "$@" ;;
    demo) demo "$@" ;;
    bench)
        need_build_tools
        install_missing required time:/usr/bin/time
        install_missing optional lttng-tools:lttng-sessiond liblttng-ust-dev:liblttng-ust-libc-wrapper.so babeltrace2:babeltrace2 heaptrack:heaptrack
        dotnet build bench/AllocReplay.Bench.csproj -c $configuration -v quiet --nologo >&2
        bench/bin/$configuration/net10.0/allocreplay-bench "$@"
        ;;
    pack)
        need_build_tools
        dotnet pack formats/AllocReplay.Formats.csproj -c $configuration -o artifacts/packages -v quiet --nologo >&2
        note "packed $(ls artifacts/packages/*.nupkg)"
        ;;
    fuzz)
        need_build_tools
        dotnet build fuzz/AllocReplay.Fuzz.csproj -c $configuration -v quiet --nologo >&2
        # Collections stop all workers: a larger nursery makes them few.
        DOTNET_GCgen0size=0x4000000 fuzz/bin/$configuration/net10.0/AllocReplay.Fuzz "$@"
        ;;
    mutate) mutate "$@" ;;
    lint) lint ;;
    -h | --help | help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
