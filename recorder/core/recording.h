/* The state of a recording: of this process, and of each thread. */
#ifndef ALLOCREPLAY_RECORDING_H
#define ALLOCREPLAY_RECORDING_H

#include "system.h"

/* What the thread is inside of. All but the first can hold calls of the program too, and none of those is recorded by
 * the fast path, which looks at 0 alone. */
enum {
    AR_BUSY = 1,        /* the allocator, or our own code: no call is the program's */
    AR_BUSY_THREAD = 2, /* pthread_create, which allocates for the thread */
    AR_BUSY_JOIN = 4,   /* where the C library frees what that allocated: pthread_join and its kin, a thread's end. Only
                           mallochook asks */
    AR_BUSY_NEW = 8,    /* an allocator's operator new, which may call a new-handler, and may be left by an exception */
};

/* Thread state. Zero-initialised, initial-exec, no destructor: usable from the first instruction of a thread to its
 * last. Where the thread writes, it knows from here alone: what stands in shared memory is for others to read. */
struct ar_thread {
    uint8_t busy;              /* re-entry guard: AR_BUSY_*, 0 in the program's own code */
    uint8_t exit_rounds;       /* rounds of thread-specific-data destructors seen */
    uint8_t announced;         /* `index` was handed out by the creating thread */
    uint8_t exited;            /* THREAD_EXIT is written: what comes later is the C library's */
    uint8_t asked;             /* it asked for its calls to be recorded: see allocreplay_record_thread */
    uint8_t started;           /* THREAD_START is written */
    uint8_t waited;            /* for a chunk, in vain: it does not again before it has one */
    uint32_t index;            /* thread index within the recording */
    uint32_t parent;           /* index of the creator plus one; 0 unknown */
    uint32_t sequence;         /* of the chunk in `tail` */
    uint32_t chunks;           /* filled so far: busy threads earn larger ones */
    uint32_t capacity;         /* of `tail`, its header included */
    uint32_t os_tid;           /* the kernel's */
    uint32_t interval;         /* that the tail's chunk belongs to */
    struct ar_process *header; /* of the recording that `tail` belongs to; any other means "attach first" */
    uint8_t *cursor;           /* next byte to write */
    uint8_t *limit;            /* last cursor at which a whole event still fits */
    uint64_t ticks;            /* shifted, of the last event */
    uint64_t address;          /* of the last event */
    struct ar_chunk *tail;     /* in shared memory */
    void *place;               /* of the tail, as its store knows it */
    uint64_t lost;             /* calls not recorded since recording failed, not yet all added to the header's count */
    uint64_t gap;              /* calls not recorded since the last one that was, for want of a chunk */
    char name[16];             /* NUL-padded */
    struct ar_stack *stack;    /* NULL: its calls have none */
    uintptr_t stack_top;       /* above all its frames; 0: not known */
    size_t stack_size;         /* below that */
    uintptr_t operator_frame;  /* with AR_BUSY_NEW: where on the stack our operator was entered */
    int64_t sample_left;       /* bytes or blocks to the next that is in the sample: see sample.h */
    uint64_t sample_of;        /* seed of the process whose countdown that is; any other means "draw first" */
    uint64_t sample_random;    /* state of its random numbers */
};

extern __thread struct ar_thread ar_self __attribute__((tls_model("initial-exec")));

#define AR_BIRTHS 4096 /* threads that are created and have not begun: see interpose_thread.c */

/* What the fast paths look at. SAMPLE comes with the other two, and without latency. */
enum { AR_SPECIAL_TAKES = 1, AR_SPECIAL_GIVES = 2, AR_SPECIAL_SAMPLE = 4 };

/* Process state, alone on a page that the kernel wipes in a forked child: zero means "no recording in this process". */
struct ar_recording_state {
    struct ar_process *header; /* shared. No two in a line of forks have one address while both are in use */
    uint32_t tick_shift;
    uint64_t sample_seed;    /* of this process, not 0: the rest of the sample is there */
    uint64_t sample_mean;    /* of a countdown, in units of 2^-32 */
    uint32_t sample_threads; /* that have drawn */
    uint8_t sample_scheme;   /* enum ar_sample_scheme; 0: all blocks are recorded */
    bool latency;            /* stamp entry and exit */
    uint8_t optional_fields; /* AR_FIELD_DURATION and those of stacks */
    uint8_t special;         /* AR_SPECIAL_*: calls that are no event which the fast path can write */
    atomic_uint starting;
    /* Of tails.c, under its lock. */
    atomic_flag lock;
    struct ar_slot *free_small, *free_large, *exited_first, *exited_last, *unused_slots;
    uint64_t tails_size;
    char *memory; /* of the hook's own, not yet handed out */
    size_t memory_left;
    uint64_t births[AR_BIRTHS / 64]; /* bits of those that are taken */
};

union ar_recording_page {
    struct ar_recording_state s;
    char page[4096];
};
extern union ar_recording_page ar_recording_page;
#define ar_recording (ar_recording_page.s)

static inline bool ar_has_failed(const struct ar_process *header) /* another thread may be saying so just now */
{
    return __atomic_load_n(&header->state, __ATOMIC_RELAXED) == AR_STATE_FAILED;
}

/* Why something could not be done. */
struct ar_why {
    enum ar_failure what;
    int error; /* errno, or 0 */
};

/* options.c */
struct ar_options {
    char session[AR_PATH_MAX]; /* directory of the session; empty: not asked to record */
    char arena[AR_PATH_MAX];   /* of the session's drain; empty: the process writes its own files. With `late`, of the
                                  socket at which it is handed over */
    uint64_t sample;           /* of a sample, the mean: blocks, or bytes; 0 or 1: all blocks are recorded */
    enum ar_sample_scheme sample_scheme;
    uint64_t sample_seed;   /* for tests; 0: another in each process */
    uint64_t max_size;      /* of the file `events` in bytes; 0: no limit */
    uint64_t only_child_of; /* record only an image whose parent is this process; 0: all */
    bool latency;
    bool regions; /* the program's mappings are told: regions/regions.c */
    bool linked;  /* functions of allocators that are linked in are recorded: code of the program's is changed for it */
    bool redact;  /* leave arguments out */
    enum { AR_STACKS_NO, AR_STACKS_CFI, AR_STACKS_FP } stacks;
    bool free_stacks;
    uint64_t stack_depth;
    bool opt_in; /* record the calls of a thread only where it asks for that */
    bool late;   /* the program ran already: its threads are older than the recording */
};
extern struct ar_options ar_options;
extern const char *ar_settings; /* read in place of the environment: NAME=VALUE, each ended by NUL, then an empty one */
bool ar_options_read(void);     /* false: not asked to record */

#endif
