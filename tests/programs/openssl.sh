#!/usr/bin/env bash
# openssl makes a chain of certificates, signs and checks.
# packages: openssl
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.sh <<'SH'
set -e
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
openssl req -x509 -new -key key.pem -subj /CN=root -days 30 -out root.pem
for i in $(seq 15); do
    openssl req -new -key key.pem -subj "/CN=leaf$i" -out leaf.csr
    openssl x509 -req -in leaf.csr -CA root.pem -CAkey key.pem -set_serial "$i" -days 20 -out leaf$i.pem 2>&1
    openssl verify -CAfile root.pem leaf$i.pem
done
SH
"$@" sh a.sh
