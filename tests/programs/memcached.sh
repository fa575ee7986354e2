#!/usr/bin/env bash
# memcached with two worker threads: slabs of its own over malloc.
# packages: memcached
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

start "$@" memcached -s "$PWD/socket" -t 2 -m 64 -u "$(id -un)"
wait_for test -S socket
perl -MIO::Socket::UNIX -e '
    my @connections = map { IO::Socket::UNIX->new(Peer => "socket") or die } 1 .. 200;
    my ($hits, $length) = (0, 0);
    for my $i (1 .. 30000) {
        my $c = $connections[$i % 200];
        my $value = "v" x ($i % 900);
        printf $c "set key%d 0 0 %d\r\n%s\r\n", $i % 7919, length $value, $value;
        $hits++ if <$c> eq "STORED\r\n";
        printf $c "get key%d\r\n", $i % 7919;
        <$c>;
        $length += length <$c>;
        <$c>;
    }
    print "$hits $length\n"'
stop
