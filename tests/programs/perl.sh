#!/usr/bin/env bash
# perl: hashes, sorting, regular expressions, forked children behind pipes.
# packages: perl
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

"$@" perl -e '
    my %h;
    $h{$_ % 9973} .= chr(65 + $_ % 26) for 1 .. 800000;
    my @k = sort { $h{$a} cmp $h{$b} || $a <=> $b } keys %h;
    print scalar(@k), " $k[0] ", length(join "", map { $h{$_} =~ s/A+/a/gr } @k), "\n";
    for my $i (1 .. 20) {
        open my $f, "-|" or do { print join(",", map { $_ * $i } 1 .. 1000), "\n"; exit };
        $n += length <$f>;
    }
    print "$n\n"'
