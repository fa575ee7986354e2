/* A thread's chunks. */
#include "thread.h"

#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "encode.h"
#include "stack.h"

/* A thread that has filled so many chunks gets the next size: few system calls for the busy, few pages for the quiet.
 */
#define CHUNKS_UNTIL_MEDIUM 2
#define CHUNKS_UNTIL_LARGE 6

__thread struct ar_thread ar_self;
char ar_first_name[16];
uintptr_t ar_first_stack_top;

/* Below the first thread's stack the kernel leaves free what the stack may grow to, 128 MiB at least: whatever is in
 * this part of it is the stack. */
#define FIRST_STACK (100u << 20)

/* Of a thread that nobody told us of when it was created: the program's first; or any, where the program is older than
 * we are, which is asked for before its first event. */
static void introduce(struct ar_thread *t, uint32_t pid)
{
    pthread_attr_t attributes;
    void *lowest;
    if (!t->name[0] && (!ar_options.late || ar_sys(SYS_prctl, PR_GET_NAME, t->name) < 0))
        memcpy(t->name, ar_first_name, sizeof t->name);
    if (!(ar_recording.optional_fields & AR_FIELD_STACK) || t->stack_top)
        return;
    if (t->os_tid == pid) {
        t->stack_top = ar_first_stack_top;
        t->stack_size = FIRST_STACK;
    } else if (ar_options.late && pthread_getattr_np(pthread_self(), &attributes) == 0) {
        if (pthread_attr_getstack(&attributes, &lowest, &t->stack_size) == 0)
            t->stack_top = (uintptr_t)lowest + t->stack_size;
        pthread_attr_destroy(&attributes);
    }
}

/* Begins the chunk that the thread has been given. Its length is 0 meanwhile, so that a reader skips it. */
static void begin_chunk(struct ar_thread *t)
{
    struct ar_chunk *tail = t->tail;
    __atomic_store_n(&tail->length, 0, __ATOMIC_RELEASE);
    /* Before the rest of the header: else a kill could leave the old events under the new sequence number. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    tail->magic = AR_CHUNK_MAGIC;
    tail->thread = t->index;
    tail->sequence = t->sequence;
    tail->interval = t->interval;
    tail->capacity = t->capacity;
    memcpy(tail->name, t->name, sizeof tail->name);
    /* Beside the counter; not where that takes a system call, as the drain reads the clocks. */
    tail->mono_ns = ar_store == &ar_tails_store ? ar_monotonic_ns() : 0;
    tail->ticks = ar_ticks();
    AR_LITMUS_FORK(0);
    /* Time deltas start here; a thread whose counter was ahead must not fall back. */
    uint64_t shifted = tail->ticks >> ar_recording.tick_shift;
    if (shifted < t->ticks)
        tail->ticks = t->ticks << ar_recording.tick_shift;
    t->ticks = tail->ticks >> ar_recording.tick_shift;
    /* After the time: by the two the drain finds out whether the thread is no more. Until then it is 0. */
    __atomic_store_n(&tail->os_tid, t->os_tid, __ATOMIC_RELEASE);
    t->address = 0;
    t->cursor = (uint8_t *)(tail + 1);
    t->limit = (uint8_t *)tail + t->capacity - 2 * AR_EVENT_MAX; /* both halves of a reallocation */
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

/* A thread without a chunk asks at each call, until there is one. */
static bool fill_in(struct ar_thread *t, struct ar_why *why)
{
    const enum ar_size size = t->exited || t->chunks < CHUNKS_UNTIL_MEDIUM ? AR_SMALL
                              : t->chunks < CHUNKS_UNTIL_LARGE             ? AR_MEDIUM
                                                                           : AR_LARGE;
    if (!ar_store->take(t, size, why)) {
        t->tail = &ar_no_chunk;
        t->place = NULL;
        t->limit = (uint8_t *)&ar_no_chunk;
        t->cursor = t->limit + 1; /* full */
        return false;
    }
    begin_chunk(t);
    if (!t->started) {
        t->started = 1;
        ar_event(t, AR_THREAD_START, (struct ar_details){.thread = t->parent, .now = t->ticks});
    }
    if (t->gap) {
        ar_event(t, AR_GAP, (struct ar_details){.count = t->gap, .now = t->ticks});
        t->gap = 0;
    }
    return true;
}

bool ar_thread_attach(struct ar_thread *t, struct ar_process *header, struct ar_why *why)
{
    if (!t->announced) {
        t->index = __atomic_fetch_add(&header->threads, 1, __ATOMIC_RELAXED);
        t->parent = 0;
    }
    t->announced = 0;
    t->header = header;
    t->place = NULL;
    t->tail = &ar_no_chunk;
    t->sequence = t->chunks = t->exit_rounds = t->exited = t->started = t->waited = 0;
    t->ticks = t->gap = 0;
    t->os_tid = ar_thread_id();
    introduce(t, header->pid);
    t->stack = ar_recording.optional_fields & AR_FIELD_STACK ? ar_stack_take(t->stack_top, t->stack_size) : NULL;
    bool begun = fill_in(t, why);
    if (why->what)
        t->header = NULL;
    return begun;
}

bool ar_thread_next(struct ar_thread *t, struct ar_why *why)
{
    if (t->place) {
        /* Length 0 though begun: whoever stopped the interval has it. */
        t->sequence += t->cursor != (uint8_t *)(t->tail + 1);
        t->chunks++;
        if (!ar_store->give(t, why))
            return false;
    }
    return fill_in(t, why);
}

void ar_thread_leave(struct ar_thread *t)
{
    t->exited = 1;
    if (t->stack)
        ar_stack_give(t->stack);
    t->stack = NULL;
    ar_store->leave(t);
}
