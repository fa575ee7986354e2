#!/usr/bin/env bash
# bash: a storm of subshells, pipes and its own malloc-heavy strings.
# packages: bash
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.sh <<'SH'
declare -A h
for ((i = 0; i < 60000; i++)); do h[k$((i % 997))]+="$i,"; done
for k in "${!h[@]}"; do echo "$k ${h[$k]:0:30}"; done | sort | md5sum
for ((i = 0; i < 250; i++)); do n=$((n + $(echo "$i"))); done
echo "${#h[@]} $n" "$( (exit 7) || echo $?)"
coproc cat; echo hello >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
trap 'echo got a signal' USR1; kill -USR1 $$
exit 5
SH
code=0
"$@" bash a.sh || code=$?
echo "exit code $code"
