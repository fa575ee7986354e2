#!/usr/bin/env bash
# tmux: a server that leaves its client, a pane with a shell.
# packages: tmux
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

"$@" tmux -S "$PWD/socket" -f /dev/null new-session -d -x 100 -y 40 'exec bash --norc'
ask() { tmux -S "$PWD/socket" "$@"; }
ask set-option -g history-limit 5000 >/dev/null
for ((i = 0; i < 20; i++)); do ask new-window -d "seq 2000; exec cat"; done
for ((i = 1; i <= 20; i++)); do
    wait_for eval 'ask capture-pane -p -t :$i | grep -qx 2000'
    ask capture-pane -p -S - -t ":$i" | digest
done | sort | uniq -c
ask kill-server
