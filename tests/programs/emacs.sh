#!/usr/bin/env bash
# emacs in batch mode: buffers, lists, byte compilation.
# packages: emacs-nox
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.el <<'EL'
(let ((h (make-hash-table :test 'equal)) (n 0))
  (dotimes (i 200000) (puthash (format "k%d" (% i 7919)) (list i (number-to-string i)) h))
  (with-temp-buffer
    (dotimes (i 20000) (insert (format "line %d word%d\n" i (% i 977))))
    (goto-char (point-min))
    (while (re-search-forward "word\\([0-9]+\\)7$" nil t) (replace-match "\\1") (setq n (1+ n)))
    (sort-lines nil (point-min) (point-max))
    (princ (format "%d %d %s\n" (hash-table-count h) n (md5 (current-buffer))))))
(defun f (x) (if (< x 2) x (+ (f (- x 1)) (f (- x 2)))))
(byte-compile 'f)
(princ (format "%d\n" (f 20)))
EL
"$@" emacs -Q --batch -l a.el
