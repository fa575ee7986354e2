#!/usr/bin/env bash
# git gc packs a repository of 300 commits: processes and threads.
# packages: git
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

git init -q repository
cd repository
git config gc.auto 0
for ((i = 0; i < 300; i++)); do
    printf 'blob\nmark :%d\ndata <<END\n' $((2 * i + 1))
    lines $((i + 500))
    printf 'END\ncommit refs/heads/main\nmark :%d\ncommitter a <a@example.org> %d +0000\ndata 1\nc\nM 644 :%d f%d\n\n' \
        $((2 * i + 2)) $((1700000000 + i)) $((2 * i + 1)) $((i % 20))
done | git fast-import --quiet
"$@" git -c pack.threads=2 gc -q --aggressive --prune=now
git count-objects -v | grep -v size
git fsck --no-progress
git rev-list --objects main | digest
