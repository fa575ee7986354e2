#!/usr/bin/env bash
# R: data frames, sorting, a linear model.
# packages: r-base-core
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.R <<'RS'
x <- (1:200000 * 48271) %% 10007
d <- data.frame(g = x %% 13, x = x, y = 3 * x + x %% 7)
print(aggregate(y ~ g, d, mean)[1:3, ])
print(round(coef(lm(y ~ x + g, d)), 6))
s <- vapply(1:60000, function(i) paste0("w", i %% 977, "-", i), "")
print(length(unique(sub("-.*", "", s))))
print(sum(nchar(sort(s))))
RS
"$@" Rscript --vanilla a.R
