#!/usr/bin/env bash
# rsync copies a tree of 500 files, and then what changed: three processes.
# packages: rsync
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

mkdir from
for ((i = 0; i < 500; i++)); do
    [ $((i % 50)) != 0 ] || mkdir from/d$((i / 50))
    echo "$i $((i * 48271))" >from/d$((i / 50))/f$i
done
lines 150000 >from/large
cat >a.sh <<'SH'
rsync -a from/ to
echo more >>from/large
rm -r from/d3
rsync -a --no-whole-file --checksum --delete from/ to
SH
"$@" sh a.sh
diff -r from to && find to -type f | wc -l
