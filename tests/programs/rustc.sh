#!/usr/bin/env bash
# rustc compiles and links: LLVM, threads, jemalloc or the C library's malloc.
# packages: rustc
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.rs <<'RS'
use std::collections::{BTreeMap, HashMap};
fn main() {
    let mut m: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for i in 0..200000u64 { m.entry(format!("k{}", i % 977)).or_default().push(i * i); }
    let t: Vec<_> = (0..4).map(|n| std::thread::spawn(move || (0..50000u64).map(|i| (i % 97, i * n)).collect::<HashMap<_, _>>().len())).collect();
    println!("{} {:?}", m.values().map(Vec::len).sum::<usize>(), t.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>());
}
RS
"$@" rustc -O -C codegen-units=4 a.rs
./a
