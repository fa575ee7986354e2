#!/bin/sh
# Records a command by the hook alone: preload.sh DIRECTORY COMMAND [ARGUMENT…]. For machines on which the recorder does not run.
# The hook lies beside this file, or where ALLOCREPLAY_HOOK says. The directory holds secrets: it is its owner's alone.
set -eu
[ $# -ge 2 ] || {
    echo "usage: preload.sh DIRECTORY COMMAND [ARGUMENT…]" >&2
    exit 2
}
directory=$1
shift
hook=${ALLOCREPLAY_HOOK:-$(dirname "$(readlink -f "$0")")/liballocreplay.so}
[ -r "$hook" ] || {
    echo "preload.sh: $hook: no such file" >&2
    exit 127
}
case $hook in
*[\ :]*)
    echo "preload.sh: $hook: the loader takes a blank or a colon in LD_PRELOAD for the end of a name: copy the hook to a path without" >&2
    exit 2
    ;;
esac
umask 077
mkdir "$directory" || exit 125
# An absolute name: the program may change its directory.
directory=$(cd "$directory" && pwd)
export ALLOCREPLAY_DIR="$directory" LD_PRELOAD="$hook${LD_PRELOAD:+:$LD_PRELOAD}"
exec "$@"
