/* What all layers use: the counter, the kernel's calls, bounded text.
 *
 * Rules inside the hook: no stdio, no malloc, no lock shared with the loader, no cancellation point (system calls go
 * through ar_sys), errno is kept. Whatever fails, the program goes on and its calls pass through.
 */
#ifndef ALLOCREPLAY_SYSTEM_H
#define ALLOCREPLAY_SYSTEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allocreplay_format.h"

#define AR_EXPORT __attribute__((visibility("default")))
#define AR_LIKELY(x) __builtin_expect(!!(x), 1)
#define AR_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AR_NOINLINE __attribute__((noinline, cold))

/* The counter that events are stamped by. */
static inline uint64_t ar_ticks(void)
{
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
    uint64_t t;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
    return t;
#else
#error "the hook knows x86-64 and aarch64"
#endif
}

/* A system call that is no cancellation point and does not touch errno: -errno on failure. The macro fills up what is
 * left out of the six arguments, and widens the rest: a register is passed whole. */
long ar_sys_six(long number, long a, long b, long c, long d, long e, long f);
#define ar_sys(...) AR_SYS_FILL(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define AR_SYS_FILL(number, a, b, c, d, e, f, ...)                                                                     \
    ar_sys_six(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* The function behind ours of this name, for when wrapped functions are looked up; NULL: there is none. */
void *ar_next(const char *name);

/* How it is found where there is nothing behind us, as we were loaded last; NULL: by the order of the objects. */
extern void *(*ar_look_up)(const char *name);

/* Every library that we need is ready: our constructor is running. Once. */
void ar_loaded(void);

/* Puts memory of this process's own, zeroed, in the place of memory that it shares. Returns where the shared memory is
 * now; NULL: nowhere, as where it may not be moved. `*parted` is false where nothing could be done. */
void *ar_part_from(void *shared, size_t size, bool may_move, bool *parted);

uint64_t ar_monotonic_ns(void);
void ar_read_clocks(uint64_t *ticks, uint64_t *ns);

/* The kernel's id of this thread, without asking the kernel. */
uint32_t ar_thread_id(void);

/* That of this process, a forked child's, whose thread had the id `parents` before. */
uint32_t ar_own_pid(uint32_t parents);

/* text.c: appends to a bounded buffer, and returns its new end. */
char *ar_put_text(char *at, char *end, const char *text);
char *ar_put_number(char *at, char *end, uint64_t n);
void ar_say(const char *what, int error, const char *where); /* one line on standard error */

#endif
