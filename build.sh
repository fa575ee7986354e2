#!/usr/bin/env bash
# Builds, tests, demonstrates and measures AllocReplay. Every command does its own set-up: what Debian packages it misses it
# installs when it may, and otherwise names in one line.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
PATH=$PATH:/usr/sbin:/sbin # ldconfig, for those who are not root
configuration=Release

usage() {
    cat <<'TEXT'
usage: ./build.sh COMMAND

  build         build everything; the command is then artifacts/allocreplay
  test [ARGS]   build and run all tests; ARGS go to the test runner (-class '*MergeTests', -method …)
  test fast [ARGS]
                only those that start no process, in half a minute
  test --all [ARGS]
                all there is: real programs too, and storms that last; installs the programs
  programs [NAME…]
                only the real programs of tests/programs, with and without the recorder; what it measured goes to artifacts/programs.md
  running [NAME…]
                only the running programs of tests/running, before, under and after attach; what was seen goes to artifacts/running.md
  demo          record redis under load, compare four allocators on the recording, query it
  bench [PART]  measure against peers, interleaved; without PART, list the parts
  dist          make what is installed elsewhere, in artifacts/dist: the recorder for machines without .NET, the hook for other systems,
                the full tool with its runtime, packages, and their checksums
  pack          make the NuGet package of the trace readers, in artifacts/packages
  fuzz [SECONDS] [SEED]
                feed mutated traces to both readers; --plant: the negative control; --verbose: which errors were reached
  mutate [PART] change the code of formats, replayer or analyzer a little, a thousand times: do the fast tests notice?
  lint          check formatting, and the types of the pages' scripts; with clang-format, shellcheck and Node.js where they can be installed
TEXT
}

note() { printf '%s\n' "$*" >&2; }

die() {
    note "build.sh: $*"
    exit 4
}

# Whether what shows a package is there: a file, the start of a shared library's name, or a command.
present() {
    case $1 in
        /*) [ -e "$1" ] ;;
        lib*) [[ $(ldconfig -p) == *"$1"* ]] ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# The first of the names, a|b|c, that this release has; of names that it has not, the last.
candidate() {
    local names name
    IFS='|' read -ra names <<<"$1"
    for name in "${names[@]}"; do
        [[ $(apt-cache policy "$name") != *"Candidate: "[!\(]* ]] || break
    done
    echo "$name"
}

# install_missing required|optional NAME[|NAME…]:SIGN …
# A package has another name in another release. One at a time, so that one that is not to be had stops no other.
install_missing() {
    local kind=$1 missing=() left_out=() entry name sudo=
    shift
    for entry in "$@"; do
        present "${entry#*:}" || missing+=("${entry%%:*}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        left_out=("${missing[@]}")
    elif [ "$(id -u)" != 0 ] && ! { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; then
        for entry in "${missing[@]}"; do left_out+=("$(candidate "$entry")"); done
        note "build.sh: missing packages; run: sudo apt-get install -y --no-install-recommends ${left_out[*]}"
    else
        [ "$(id -u)" = 0 ] || sudo=sudo
        $sudo apt-get update -qq >&2 || true
        for entry in "${missing[@]}"; do
            name=$(candidate "$entry")
            note "build.sh: installing $name"
            DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$name" >/dev/null </dev/null || left_out+=("$name")
        done
    fi
    [ ${#left_out[@]} -gt 0 ] || return 0
    [ "$kind" = optional ] || die "missing, and not installed: ${left_out[*]}"
    note "build.sh: left out, as not installed: ${left_out[*]}"
}

allocators=('libjemalloc2:libjemalloc.so.2' 'libmimalloc3|libmimalloc2.0:libmimalloc.so'
    'libgoogle-perftools4t64|libgoogle-perftools4:libtcmalloc.so.4' 'libtcmalloc-minimal4t64|libtcmalloc-minimal4:libtcmalloc_minimal.so.4')

need_build_tools() {
    command -v dotnet >/dev/null || die "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download"
    # The SDK wants ICU for languages other than English, or to be told that there is none; the names of languages are names then.
    present libicuuc.so || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_SYSTEM_GLOBALIZATION_PREDEFINED_CULTURES_ONLY=0
    install_missing required gcc:gcc libc6-dev:/usr/include/stdlib.h
}

# What the sources of the pages are bundled by. False, with a line that says so, where it is not to be had.
need_page_tools() {
    local installed=web/node_modules/.package-lock.json
    install_missing optional nodejs:node npm:npm
    if ! { command -v node && command -v npm; } >/dev/null; then
        note "build.sh: no Node.js: left out is the page of compare --html"
        return 1
    fi
    if [ ! -e $installed ] || [ web/package-lock.json -nt $installed ]; then
        if ! (cd web && npm ci --silent >&2); then
            note "build.sh: npm ci failed in web: left out is the page of compare --html"
            return 1
        fi
    fi
}

# The pages that commands write, from web to artifacts/web, where the build of the command takes them from.
build_pages() {
    rm -rf artifacts/web
    if need_page_tools; then
        node web/build.mjs
    fi
}

# Engines other than DuckDB, which read datasets in tests and in 'bench fleet'. Half a gigabyte: left out, with a line that says so, where it is not to be had.
need_engines() {
    local installed=tests/engines/node_modules/.package-lock.json
    install_missing optional nodejs:node npm:npm
    if ! { command -v node && command -v npm; } >/dev/null; then
        note "build.sh: no Node.js: left out are the tests of ClickHouse and Polars"
    elif [ ! -e $installed ] || [ tests/engines/package-lock.json -nt $installed ]; then
        (cd tests/engines && npm ci --silent >&2) || note "build.sh: npm ci failed in tests/engines: left out are the tests of ClickHouse and Polars"
    fi
}

build() {
    need_build_tools
    build_pages
    dotnet publish cli/AllocReplay.Cli.csproj -c $configuration -p:PublishReadyToRun=true -o artifacts/lib -v quiet --nologo >&2
    ln -sfn lib/allocreplay artifacts/allocreplay
    note "built artifacts/allocreplay"
}

# All that a test may ask for, but Java and Chromium, which are large: their tests are skipped where they are not.
need_test_tools() {
    install_missing required g++:g++
    install_missing optional "${allocators[@]}" libgoogle-perftools-dev:/usr/include/gperftools/malloc_hook_c.h \
        libjemalloc-dev:/usr/include/jemalloc/jemalloc.h libunwind-dev:/usr/include/libunwind.h liblzma-dev:/usr/include/lzma.h \
        redis-tools:redis-benchmark sqlite3:sqlite3 python3:python3 perl:perl make:make nodejs:node mount:mount strace:strace \
        heaptrack:heaptrack_print golang-go:go bsdutils:script \
        python3-setuptools:/usr/lib/python3/dist-packages/setuptools python3-wheel:/usr/lib/python3/dist-packages/wheel \
        python3-pandas:/usr/lib/python3/dist-packages/pandas \
        python3-matplotlib:/usr/lib/python3/dist-packages/matplotlib python3-ipykernel:/usr/lib/python3/dist-packages/ipykernel \
        jupyter-nbconvert:/usr/lib/python3/dist-packages/nbconvert \
        llvm:llvm-symbolizer binutils:addr2line debuginfod:debuginfod curl:curl iproute2:ip
}

# Prints the runner's output, a line for each test that was skipped, then "N passed, N failed, N skipped".
run_tests() {
    dotnet build tests/AllocReplay.Tests.csproj -c $configuration -v quiet --nologo
    local results=artifacts/tests.xml status=0 counts errors
    mkdir -p artifacts
    rm -f $results
    env --default-signal=INT,QUIT "tests/bin/$configuration/net10.0/AllocReplay.Tests" -result-xml $results -noColor "$@" || status=$?
    [ -s $results ] || die "the test run ended without results (exit code $status)"
    { grep -o '<test [^>]*result="Skip"[^>]*><reason>[^<]*' $results || true; } | sed 's/.* name="\([^"]*\)".*<reason>/skipped: \1: /'
    counts=$(grep -o '<assembly [^>]*>' $results | head -1)
    count() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$counts"; }
    errors=$(count errors)
    echo "$(count passed) passed, $(($(count failed) + ${errors:-0})) failed, $(count skipped) skipped"
    [ "$(count passed)" != 0 ] || status=1
    return $status
}

run_all_tests() {
    need_build_tools
    need_test_tools
    need_engines
    build_pages
    run_tests "$@"
}

# What starts no process; that it does not, the tests see to themselves when they are told.
run_fast_tests() {
    need_build_tools
    ALLOCREPLAY_TESTS=fast run_tests -trait- Starts=processes "$@"
}

# The packages that the programs' scripts name. Servers among them are to be there, not to be started.
install_programs() {
    local packages=() package policy=/usr/sbin/policy-rc.d
    for package in $(sed -n 's/^# packages: //p' tests/programs/*.sh tests/running/*.sh | tr ' ' '\n' | sort -u); do
        packages+=("$package:/usr/share/doc/$package")
    done
    if [ "$(id -u)" = 0 ] && [ ! -e $policy ]; then
        trap "rm -f /usr/sbin/policy-rc.d" EXIT
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
    fi
    install_missing optional "${packages[@]}"
}

demo() {
    need_build_tools
    install_missing required redis-tools:redis-benchmark
    install_missing optional "${allocators[@]:0:3}"
    build
    demo/redis.sh "$@"
}

lint() {
    need_build_tools
    install_missing optional clang-format:clang-format shellcheck:shellcheck
    dotnet format tools.sln --verify-no-changes
    if command -v clang-format >/dev/null; then
        git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror
    fi
    if need_page_tools; then
        npm run --prefix web --silent check
    fi
    if command -v shellcheck >/dev/null; then
        git ls-files '*.sh' .ci/run | xargs shellcheck
    fi
}

# Without one of these compilers, what it makes is left out; without debootstrap the recorder needs a newer glibc.
dist() {
    need_build_tools
    install_missing optional debootstrap:debootstrap musl-tools:musl-gcc gcc-aarch64-linux-gnu:aarch64-linux-gnu-gcc \
        libc6-dev-arm64-cross:/usr/aarch64-linux-gnu/include/stdlib.h
    build_pages
    dist/make.sh
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
    test)
        if [ "${1:-}" = fast ]; then
            shift
            run_fast_tests "$@"
        elif [ "${1:-}" = --all ]; then
            shift
            install_programs
            dist
            ALLOCREPLAY_TESTS=all run_all_tests "$@"
        else
            run_all_tests "$@"
        fi
        ;;
    programs)
        need_build_tools
        install_programs
        ALLOCREPLAY_TESTS=all ALLOCREPLAY_PROGRAMS="$*" run_tests -class '*.ProgramTests'
        ;;
    running)
        need_build_tools
        install_programs
        install_missing optional heaptrack:heaptrack
        ALLOCREPLAY_TESTS=all ALLOCREPLAY_PROGRAMS="$*" run_tests -class '*.RunningProgramTests'
        ;;
    demo) demo "$@" ;;
    bench)
        need_build_tools
        install_missing required time:/usr/bin/time
        install_missing optional lttng-tools:lttng-sessiond liblttng-ust-dev:liblttng-ust-libc-wrapper.so babeltrace2:babeltrace2 heaptrack:heaptrack
        [ "${1:-}" != fleet ] || need_engines
        [ $# -eq 0 ] || build # parts run the command as it is installed
        dotnet build bench/AllocReplay.Bench.csproj -c $configuration -v quiet --nologo >&2
        bench/bin/$configuration/net10.0/allocreplay-bench "$@"
        ;;
    dist) dist ;;
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
