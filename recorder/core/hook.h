/* What the files of the preload libraries share. Each library is this folder and one source of events: ../hook, where
 * the program's calls are interposed, or ../mallochook, where gperftools' tcmalloc tells.
 *
 *   encode.h/.c         one event into the thread's tail (fast path: no lock, fence, system call or shared line)
 *   thread.c            a thread's tail: attach, flush, exit
 *   tails.c             the shared mapping that tails are cut from
 *   process.c           start, end and failure of this process image's recording
 *   files.c identity.c  its files, and what they say of the process
 *   interpose_thread.c  pthread_create and the joins
 *   options.c           what was asked for
 *   real_thread.h/.c    the functions behind those
 *   source.h            what a source of events defines
 *
 * Rules inside the hook: no stdio, no malloc, no lock shared with the loader, no cancellation point (system calls go
 * through ar_sys), errno is kept. Whatever fails, the program goes on and its calls pass through.
 */
#ifndef ALLOCREPLAY_HOOK_H
#define ALLOCREPLAY_HOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allocreplay_format.h"

#define AR_EXPORT __attribute__((visibility("default")))
#define AR_LIKELY(x) __builtin_expect(!!(x), 1)
#define AR_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define AR_NOINLINE __attribute__((noinline, cold))

/* Thread state. Zero-initialised, initial-exec, no destructor: usable from the first instruction of a thread to its
 * last. */
struct ar_thread {
    uint8_t busy;              /* re-entry guard: a call made while it is up is the allocator's own, or ours */
    uint8_t exit_rounds;       /* rounds of thread-specific-data destructors seen */
    uint8_t announced;         /* `index` was handed out by the creating thread */
    uint8_t exited;            /* THREAD_EXIT is written: later events are flushed by whoever reclaims the tail */
    uint8_t asked;             /* it asked for its calls to be recorded: see allocreplay_record_thread */
    uint32_t index;            /* thread index within the recording */
    uint32_t parent;           /* index of the creator plus one; 0 unknown */
    uint32_t flushes;          /* chunks flushed from the small tail */
    uint32_t interval;         /* that the tail's chunk belongs to */
    struct ar_process *header; /* of the recording that `tail` belongs to; any other means "attach first" */
    uint8_t *cursor;           /* next byte to write */
    uint8_t *limit;            /* last cursor at which a whole event still fits */
    uint64_t ticks;            /* shifted, of the last event */
    uint64_t address;          /* of the last event */
    struct ar_chunk *tail;     /* in the shared mapping */
    struct ar_slot *slot;
    uint64_t lost; /* calls not recorded since recording failed, not yet all added to the header's count */
};

extern __thread struct ar_thread ar_self __attribute__((tls_model("initial-exec")));

/* Process state, alone on a page that the kernel wipes in a forked child: zero means "no recording in this process". */
struct ar_recording_state {
    struct ar_process *header; /* shared mapping of the file `process`. No two in a line of forks have one address */
    uint32_t tick_shift;
    uint32_t sample_below; /* record a block when its hash is below this; 0: all blocks */
    uint32_t sample_seed;
    bool latency;     /* stamp entry and exit */
    atomic_flag lock; /* thread start and exit, tail growth. Never held while the program's code runs */
    atomic_uint starting;
    struct ar_slot *free_small, *free_large, *exited_first, *exited_last, *unused_slots;
    uint64_t tails_size;
    char *arena; /* memory of the hook's own, not yet handed out */
    size_t arena_left;
    struct ar_birth *unused_births;
};

union ar_recording_page {
    struct ar_recording_state s;
    char page[4096];
};
extern union ar_recording_page ar_recording_page;
#define ar_recording (ar_recording_page.s)

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

/* system.c
 *
 * A system call that is no cancellation point and does not touch errno: -errno on failure. The macro fills up what is
 * left out of the six arguments, and widens the rest: a register is passed whole. */
long ar_sys_six(long number, long a, long b, long c, long d, long e, long f);
#define ar_sys(...) AR_SYS_FILL(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define AR_SYS_FILL(number, a, b, c, d, e, f, ...)                                                                     \
    ar_sys_six(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

uint64_t ar_monotonic_ns(void);

/* options.c */
struct ar_options {
    char session[AR_PATH_MAX]; /* directory of the session; empty: not asked to record */
    uint64_t sample;           /* 1 block in so many; 0 or 1: all */
    uint64_t max_size;         /* of the file `events` in bytes; 0: no limit */
    uint64_t only_child_of;    /* record only an image whose parent is this process; 0: all */
    bool latency;
    bool redact; /* leave arguments out */
    bool opt_in; /* record the calls of a thread only where it asks for that */
};
extern struct ar_options ar_options;
bool ar_options_read(void); /* false: not asked to record */

/* process.c */
bool ar_process_start(void);                   /* begins this image's recording; idempotent, thread-safe */
void ar_fail(enum ar_failure what, int error); /* ends recording for good: one line on stderr, a mark in the header */
static inline bool ar_has_failed(const struct ar_process *header) /* another thread may be saying so just now */
{
    return __atomic_load_n(&header->state, __ATOMIC_RELAXED) == AR_STATE_FAILED;
}
bool ar_write_chunk(const struct ar_chunk *chunk); /* appends a chunk to `events` */
int ar_tails_file(void); /* descriptor of `tails`, reopened if the program closed it; -errno */
void ar_lock(void);
void ar_unlock(void);

/* thread.c */
bool ar_thread_ready(
    struct ar_thread *t); /* slow path: attach, flush a full tail, enter an interval. False: pass through */
void ar_thread_key_create(void);

/* tails.c: call with the lock held */
struct ar_slot {
    struct ar_slot *next;
    struct ar_chunk *tail;
    uint32_t os_tid; /* of the last owner */
};
#define AR_TAIL_SMALL 4096u
#define AR_TAIL_LARGE 131072u
struct ar_slot *ar_slot_take(uint32_t size); /* NULL when there is no space: the failure is already reported */
void ar_slot_free(struct ar_slot *slot);
void ar_slot_exited(struct ar_slot *slot); /* frees the slot once its thread is gone */
void *ar_arena_take(size_t size);          /* zeroed, never freed */

#endif
