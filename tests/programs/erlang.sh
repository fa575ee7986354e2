#!/usr/bin/env bash
# Erlang: schedulers of their own threads, allocators of its own, 20,000 processes.
# packages: erlang-base
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.erl <<'ERL'
-module(a).
-export([main/0]).
main() ->
    Self = self(),
    [spawn(fun() -> Self ! {I, erlang:phash2(lists:sort([{(X * I) rem 101, integer_to_binary(X)} || X <- lists:seq(1, 60)]))} end)
        || I <- lists:seq(1, 20000)],
    io:format("~p~n", [lists:sum([receive {I, H} -> H end || I <- lists:seq(1, 20000)])]),
    T = ets:new(t, []),
    [ets:insert(T, {I, <<I:800>>}) || I <- lists:seq(1, 50000)],
    io:format("~p~n", [ets:info(T, size)]),
    halt(3).
ERL
erlc a.erl
code=0
"$@" erl -noshell -s a main || code=$?
echo "exit code $code"
