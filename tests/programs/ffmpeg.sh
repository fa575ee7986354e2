#!/usr/bin/env bash
# ffmpeg encodes a moving pattern and a sound with threads.
# packages: ffmpeg
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

"$@" ffmpeg -v error -nostdin -f lavfi -i testsrc2=duration=4:size=320x240:rate=25 -f lavfi -i sine=duration=4 -threads 2 \
    -c:v mpeg4 -c:a aac -flags +bitexact -fflags +bitexact -f framemd5 - | digest
