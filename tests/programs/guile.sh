#!/usr/bin/env bash
# guile: libgc's heap, bignums from malloc.
# packages: guile-3.0
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.scm <<'SCM'
(define (fact n) (if (< n 2) 1 (* n (fact (- n 1)))))
(define table (make-hash-table))
(do ((i 0 (+ i 1))) ((= i 300000)) (hash-set! table (number->string (modulo i 7919)) (list i (* i i))))
(display (hash-count (const #t) table)) (newline)
(display (string-length (number->string (fact 3000)))) (newline)
(display (apply + (map cadr (hash-map->list (lambda (k v) v) table)))) (newline)
SCM
GUILE_AUTO_COMPILE=0 "$@" guile -s a.scm
