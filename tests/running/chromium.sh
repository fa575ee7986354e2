#!/usr/bin/env bash
# chromium's main process, which carries an allocator of its own: a page in each job.
# packages: chromium curl jq
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

port=$(free_port)
start /usr/lib/chromium/chromium --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/profile" --remote-debugging-port="$port" about:blank
wait_for curl -sf "http://127.0.0.1:$port/json/version"

# A page that has counted words tells so by its title.
page='data:text/html,<script>let m={},s=0;for(let i=0;i<300000;i++){const k="w"+i%25997;m[k]=(m[k]||0)+1;s+=k.length}document.title="words "+s</script>'
job() {
    local id
    id=$(curl -s -X PUT "http://127.0.0.1:$port/json/new?$(jq -rn --arg p "$page" '$p|@uri')" | jq -r .id)
    wait_for eval "curl -s http://127.0.0.1:$port/json | jq -e --arg i $id '.[] | select(.id == \$i) | .title | startswith(\"words\")'"
    curl -s "http://127.0.0.1:$port/json" | jq -r --arg i "$id" '.[] | select(.id == $i) | .title'
    curl -s "http://127.0.0.1:$port/json/close/$id" >&2
}

serve "$server"
