#!/usr/bin/env bash
# php: an allocator of its own over mapped memory, and once more with malloc.
# packages: php-cli
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.php <<'PHP'
<?php
$rows = [];
for ($i = 0; $i < 100000; $i++) $rows[] = ['id' => $i, 'name' => str_repeat(chr(97 + $i % 26), $i % 30), 'tags' => [$i % 7, $i % 11]];
usort($rows, fn($a, $b) => [$a['name'], $a['id']] <=> [$b['name'], $b['id']]);
echo md5(json_encode($rows)), ' ', count(json_decode(json_encode($rows), true)), "\n";
echo preg_match_all('/a+b?/', implode(' ', array_column($rows, 'name'))), "\n";
PHP
USE_ZEND_ALLOC=0 "$@" php -d memory_limit=-1 a.php
