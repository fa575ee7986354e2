#!/usr/bin/env bash
# ImageMagick resizes, blurs and quantizes with OpenMP's threads.
# packages: imagemagick
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

"$@" convert rose: -resize '1200x800!' -blur 0x4 -rotate 12 -colors 64 -depth 8 rgb:- | digest
