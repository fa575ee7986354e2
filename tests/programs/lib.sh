# shellcheck shell=bash
# What the scripts of the programs share. Each is run in an empty directory of its own, with the words to put before the program under
# test as its arguments: none, or those of allocreplay record. What it prints and its exit code are compared; noise goes to standard error.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC HOME=$PWD
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH # the packages' programs, whatever else there is

# Runs a command until it succeeds: a server is ready when it answers.
wait_for() {
    local try
    for ((try = 0; try < 600; try++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        kill -0 "${server:-$$}" || break
        sleep 0.1
    done
    echo "not ready: $*" >&2
    return 1
}

# A port of the loopback interface that nobody listens on, below those that the kernel gives to clients.
free_port() {
    local port
    while port=$((20000 + RANDOM % 12000)) && (: </dev/tcp/127.0.0.1/$port) 2>/dev/null; do :; done
    echo $port
}

# Whether somebody listens on a port.
listens() { (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null; }

# Starts a server in the background, in a process group of its own: there are servers that end their whole group.
running=()
start() {
    setsid "$@" >&2 &
    server=$!
    running+=("$server")
}

# Nothing stays behind, whatever fails.
finish() {
    local process
    for process in "${running[@]}"; do
        ! kill "$process" 2>/dev/null || wait "$process" || true
    done
}
trap finish EXIT

# Waits until the server that was started last has ended, and prints how.
ended() {
    local code=0
    wait "$server" || code=$?
    running=("${running[@]::${#running[@]}-1}")
    echo "exit code $code"
}

# Ends it by its normal signal; record passes this one on.
stop() {
    kill -TERM "$server"
    ended
}

# The same N lines of words and numbers, every time.
lines() {
    awk -v n="$1" 'BEGIN { x = 1; for (i = 0; i < n; i++) { x = (x * 48271) % 2147483647; printf "%d word%d %x\n", i, x % 5000, x } }'
}

# The same N functions in C, every time.
functions() {
    local i
    for ((i = 0; i < $1; i++)); do
        echo "int f$i(int a, const char *b) { int s = $i; for (int i = 0; i < a; i++) s += b[i % ($i % 9 + 1)] * i; return s ^ (a << $((i % 31))); }"
    done
}

# Starts lighttpd, unrecorded, for a proxy to stand before: sets port, the proxy's, and behind.
start_behind() {
    mkdir www
    lines 500 >www/page.txt
    port=$(free_port)
    behind=$(free_port)
    printf 'server.port = %d\nserver.bind = "127.0.0.1"\nserver.document-root = "%s"\n' "$behind" "$PWD/www" >lighttpd.conf
    start lighttpd -D -f lighttpd.conf
}

# The same N bytes, which cannot be compressed, every time.
noise() { perl -e 'srand 1; $n = shift; print pack "L*", map { rand 2 ** 32 } 1 .. $n / 4' "$1"; }

# shellcheck disable=SC2119,SC2120 # of files, or of what comes in
digest() { sha256sum "$@" | cut -c 1-16; }

# Starts nginx with so many workers, behind the words to put before it, and two files to serve: sets port.
start_nginx() {
    local workers=$1
    shift
    mkdir www
    noise 1000 >www/small
    noise 300000 >www/large
    port=$(free_port)
    cat >nginx.conf <<CONF
daemon off;
worker_processes $workers;
pid $PWD/pid;
error_log stderr;
events { worker_connections 128; }
http {
    access_log off;
    gzip on;
    gzip_types *;
    $(for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $PWD/$kind;"; done)
    server { listen 127.0.0.1:$port; root $PWD/www; }
}
CONF
    start "$@" nginx -p "$PWD" -e stderr -c "$PWD/nginx.conf"
    wait_for listens "$port"
}

# Asks it for both, many times.
ask_nginx() {
    local file
    for file in small large; do
        ab -q -n 1500 -c 8 -H 'Accept-Encoding: gzip' "http://127.0.0.1:$port/$file" | grep -E '^(Document Length|Complete requests|Failed|Non-2xx)'
        # shellcheck disable=SC2119
        curl -s "http://127.0.0.1:$port/$file" | digest
    done
}

# Makes a database in a directory of its own, which is the working directory then, and starts PostgreSQL on it, behind the words to put before it.
start_postgresql() {
    local bin as_user=(env)
    bin=$(echo /usr/lib/postgresql/*/bin)
    mkdir home
    [ "$(id -u)" != 0 ] || chown nobody home
    cd home
    # PostgreSQL refuses to run as root.
    [ "$(id -u)" != 0 ] || as_user=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    "${as_user[@]}" "$bin/initdb" -D data -U bench -A trust --no-sync >&2
    start "${as_user[@]}" "$@" "$bin/postgres" -D data -k "$PWD" -c listen_addresses= -c fsync=off
    export PGHOST=$PWD PGUSER=bench PGDATABASE=postgres
    wait_for psql -c 'select 1'
}
