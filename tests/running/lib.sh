# shellcheck shell=bash
# What the scripts of running programs share. Each starts a program, prints "pid N", which one to attach to, and does its job for each line
# of its standard input; what a job prints is the same every time, and a line "done" follows. At the end of its input it ends the program.
# shellcheck source=tests/programs/lib.sh
. "${0%/*}/../programs/lib.sh"

# Does the job, a function of that name, as often as it is asked.
serve() {
    local end=${2:-stop}
    echo "pid $1"
    while read -r _; do
        job
        echo "done"
    done
    "$end"
}

# Starts a program that answers each line with one line.
converse() {
    coproc talk { exec "$@" 2>/dev/null; }
    running+=("$talk_PID")
    server=$talk_PID
}

# Asks it.
ask() {
    local answer
    printf '%s\n' "$1" >&"${talk[1]}"
    read -r -u "${talk[0]}" answer
    printf '%s\n' "$answer"
}

# Ends it by the end of its input.
close() {
    local input=${talk[1]}
    exec {input}>&-
    ended
}
