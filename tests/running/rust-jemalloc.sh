#!/usr/bin/env bash
# A Rust program whose global allocator is jemalloc, linked into the executable, as the crates for it have it.
# packages: rustc libjemalloc-dev
# shellcheck source=tests/running/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.rs <<'RS'
use std::alloc::{GlobalAlloc, Layout};
use std::collections::HashMap;
use std::io::{BufRead, Write};
extern "C" {
    fn mallocx(size: usize, flags: i32) -> *mut u8;
    fn rallocx(block: *mut u8, size: usize, flags: i32) -> *mut u8;
    fn sdallocx(block: *mut u8, size: usize, flags: i32);
}
const ZERO: i32 = 0x40;
fn flags(l: &Layout) -> i32 { if l.align() <= 16 && l.align() <= l.size() { 0 } else { l.align().trailing_zeros() as i32 } }
struct Jemalloc;
unsafe impl GlobalAlloc for Jemalloc {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 { mallocx(l.size(), flags(&l)) }
    unsafe fn alloc_zeroed(&self, l: Layout) -> *mut u8 { mallocx(l.size(), flags(&l) | ZERO) }
    unsafe fn realloc(&self, p: *mut u8, l: Layout, n: usize) -> *mut u8 { rallocx(p, n, flags(&l)) }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) { sdallocx(p, l.size(), flags(&l)) }
}
#[global_allocator]
static GLOBAL: Jemalloc = Jemalloc;
fn work(n: usize) -> usize {
    let mut kept: HashMap<usize, Vec<u8>> = HashMap::new();
    let mut total = 0;
    for i in 0..n {
        kept.insert(i % 5000, vec![1u8; 16 + i % 700]);
        total += format!("{}-{}", i, i * 3).len();
    }
    total + kept.len()
}
fn main() {
    for _ in std::io::stdin().lock().lines() {
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| work(100000))).collect();
        println!("{}", threads.into_iter().map(|t| t.join().unwrap()).sum::<usize>());
        std::io::stdout().flush().unwrap();
    }
}
RS
rustc -O a.rs -C link-arg="$(echo /usr/lib/*/libjemalloc.a)" -C link-args="-lstdc++ -lm -lc"
converse ./a

job() { ask go; }

serve "$server" close
