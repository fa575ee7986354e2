#!/usr/bin/env bash
# sqlite3: a table of 150,000 rows, indexes, a join, vacuum.
# packages: sqlite3
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

"$@" sqlite3 a.db "
    create table t (a integer primary key, b text, c);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 150000) insert into t select i, hex(i * 48271 % 10007), i % 977 from n;
    create index b on t (b);
    create index c on t (c, b);
    select count(*), sum(a), max(b) from t;
    select count(*), sum(length(x.b || y.b)) from t x join t y on x.b = y.b and x.a < y.a and x.c = 5;
    select c, group_concat(b) from (select * from t order by b, a) group by c order by c desc limit 2;
    delete from t where a % 3 = 0;
    vacuum;
    pragma integrity_check;"
