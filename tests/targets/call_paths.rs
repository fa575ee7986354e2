// As call_paths.c: what Rust makes of it.
use std::hint::black_box;

#[inline(never)]
#[no_mangle]
pub fn take(size: usize) {
    drop(black_box(Vec::<u8>::with_capacity(black_box(size))));
}

#[inline(never)]
#[no_mangle]
pub fn direct(size: usize) {
    take(size);
    black_box(());
}

#[inline(never)]
#[no_mangle]
pub fn boxes() {
    drop(black_box(Box::new([1u8; 10072])));
}

#[inline(never)]
#[no_mangle]
pub fn grows(size: usize) {
    let mut text = String::with_capacity(black_box(16));
    text.reserve_exact(black_box(size));
    drop(black_box(text));
}

#[inline(never)]
#[no_mangle]
pub fn by_trait(function: &dyn Fn(usize), size: usize) {
    function(size);
    black_box(());
}

#[inline(never)]
#[no_mangle]
pub fn on_thread(size: usize) {
    take(size);
    black_box(1u8);
}

#[inline(never)]
#[no_mangle]
pub fn run() {
    direct(10070);
    by_trait(black_box(&take), 10071);
    boxes();
    grows(10073);
    std::thread::spawn(|| on_thread(10074)).join().unwrap();
    let caught = std::panic::catch_unwind(|| panics());
    black_box(caught.is_err());
    direct(10076);
}

struct Cleanup;
impl Drop for Cleanup {
    #[inline(never)]
    fn drop(&mut self) {
        direct(10075);
    }
}

#[inline(never)]
#[no_mangle]
pub fn panics() {
    let _cleanup = black_box(Cleanup);
    std::panic::resume_unwind(Box::new(1u8));
}

fn main() {
    run();
    black_box(());
}
