#!/usr/bin/env bash
# octave: C++ with matrices from BLAS, and its interpreter.
# packages: octave
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.m <<'MS'
A = mod((1:300)' * (1:300), 17) + 20 * eye(300);
printf("%.6f %.6f\n", trace(A) , norm(A * inv(A) - eye(300)) < 1e-6);
s = struct();
for i = 1:1500
  s.(sprintf("k%d", mod(i, 500))) = {i, num2str(i)};
end
printf("%d\n", numel(fieldnames(s)));
MS
"$@" octave-cli --norc --quiet a.m
