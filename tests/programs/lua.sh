#!/usr/bin/env bash
# lua: each table and string is a block.
# packages: lua5.4
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.lua <<'LUA'
local t = {}
for i = 1, 600000 do
  local key = "k" .. i % 5003
  t[key] = t[key] or {}
  table.insert(t[key], { i, tostring(i) })
end
local n, keys = 0, {}
for k, v in pairs(t) do keys[#keys + 1] = k; n = n + #v end
table.sort(keys)
print(n, keys[1], keys[#keys], #table.concat(keys, ","))
LUA
"$@" lua5.4 a.lua
