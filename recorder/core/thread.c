/* A thread's tail: attach, flush, exit. And what a thread has to say about being recorded. */
#include "encode.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* A thread that has filled this many small tails is given a large one. */
#define SMALL_FLUSHES 4

/* Rounds of thread-specific-data destructors that a thread has. Fewer in a build of the tests only, where the last is
 * another's. */
#ifndef AR_EXIT_ROUNDS
#define AR_EXIT_ROUNDS 4 /* PTHREAD_DESTRUCTOR_ITERATIONS of glibc */
#endif

__thread struct ar_thread ar_self;

static pthread_key_t exit_key;
static bool have_exit_key;

/* Begins the chunk that the thread's tail will hold. The tail's length is 0 meanwhile, so that a reader skips it. */
static void begin_chunk(struct ar_thread *t, struct ar_chunk *tail, uint32_t sequence)
{
    __atomic_store_n(&tail->length, 0, __ATOMIC_RELEASE);
    /* Before the rest of the header: else a kill could leave the old events under the new sequence number. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    tail->magic = AR_CHUNK_MAGIC;
    tail->thread = t->index;
    tail->sequence = sequence;
    tail->interval = t->interval;
    tail->os_tid = (uint32_t)ar_sys(SYS_gettid);
    memset(tail->name, 0, sizeof tail->name);
    ar_sys(SYS_prctl, PR_GET_NAME, tail->name, 0L, 0L, 0L);
    tail->mono_ns = ar_monotonic_ns();
    tail->ticks = ar_ticks();
    /* Time deltas start here; a thread whose counter was ahead must not fall back. */
    uint64_t shifted = tail->ticks >> ar_recording.tick_shift;
    if (shifted < t->ticks)
        tail->ticks = t->ticks << ar_recording.tick_shift;
    t->tail = tail;
    t->ticks = tail->ticks >> ar_recording.tick_shift;
    t->address = 0;
    t->cursor = (uint8_t *)(tail + 1);
    t->limit = (uint8_t *)tail + tail->capacity - 2 * AR_EVENT_MAX; /* both halves of a reallocation */
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static bool attach(struct ar_thread *t, struct ar_process *header)
{
    if (!t->announced) {
        t->index = __atomic_fetch_add(&header->threads, 1, __ATOMIC_RELAXED);
        t->parent = 0;
    }
    t->announced = 0;
    ar_lock();
    struct ar_slot *slot = ar_slot_take(AR_TAIL_SMALL);
    ar_unlock();
    if (!slot) {
        __atomic_fetch_add(&header->lost_events, 1, __ATOMIC_RELAXED);
        return false;
    }
    t->slot = slot;
    t->flushes = 0;
    t->exit_rounds = 0;
    t->exited = 0;
    t->ticks = 0;
    __atomic_store_n(&slot->tail->inside, 1, __ATOMIC_RELEASE);
    begin_chunk(t, slot->tail, 0);
    slot->os_tid = slot->tail->os_tid;
    t->header = header;
    if (have_exit_key)
        pthread_setspecific(exit_key, t);
    ar_event(t, AR_THREAD_START, (struct ar_details){.thread = t->parent, .now = ar_now()});
    return true;
}

/* Busy threads earn a large tail: fewer system calls. */
static void upgrade(struct ar_thread *t, uint32_t sequence)
{
    ar_lock();
    struct ar_slot *large = ar_slot_take(AR_TAIL_LARGE);
    if (large) {
        large->os_tid = t->slot->os_tid;
        __atomic_store_n(&large->tail->inside, 1, __ATOMIC_RELEASE);
        ar_slot_free(t->slot);
        t->slot = large;
    }
    ar_unlock();
    if (large)
        begin_chunk(t, large->tail, sequence);
}

/* Writes what the tail holds and begins the next chunk. */
static void flush(struct ar_thread *t)
{
    bool begun = t->cursor != (uint8_t *)(t->tail + 1);
    /* Length 0 though begun: whoever stopped the interval has written it. */
    if (t->tail->length > 0 && !ar_write_chunk(t->tail))
        return;
    uint32_t sequence = t->tail->sequence + begun;
    /* The chunk is in both places until the length is cleared: a reader knows them for the same by their sequence
     * number. */
    begin_chunk(t, t->tail, sequence);
    if (++t->flushes == SMALL_FLUSHES && !t->exited)
        upgrade(t, sequence);
}

/* Calls that are lost are many, and the count is shared: it is brought up to date now and then. */
static void count_lost(struct ar_thread *t, struct ar_process *header)
{
    const uint64_t batch = 1024;
    if (t->lost++ % batch == 0)
        __atomic_fetch_add(&header->lost_events, t->lost == 1 ? 1 : batch, __ATOMIC_RELAXED);
}

/* Stopped, or failed: nothing is written. */
static bool pass_through(struct ar_thread *t, struct ar_process *header)
{
    if (t->header == header)
        ar_end(t);
    if (ar_has_failed(header))
        count_lost(t, header);
    return false;
}

/* Attach, enter the interval that is being recorded, or flush. Between slow_begun and slow_done: a controller that
 * stops the recording waits until the two are equal before it trusts the flags of the tails. */
static bool make_ready(struct ar_thread *t, struct ar_process *header)
{
    uint32_t interval = __atomic_load_n(&header->control, __ATOMIC_SEQ_CST);
    bool attached = t->header == header;
    if (interval == 0)
        return pass_through(t, header);
    bool changed = t->interval != interval;
    t->interval = interval;
    /* Where threads have to ask, one that has not leaves no trace, unless its creation is recorded already. */
    if (!attached)
        return (!ar_options.opt_in || t->asked || t->announced) && attach(t, header);
    if (changed || t->cursor > t->limit)
        flush(t);
    if (t->cursor <= t->limit && !ar_has_failed(header))
        return true;
    ar_end(t);
    count_lost(t, header);
    return false;
}

AR_NOINLINE bool ar_thread_ready(struct ar_thread *t)
{
    struct ar_process *header = ar_recording.header;
    if (header && __atomic_load_n(&header->control, __ATOMIC_RELAXED) == 0)
        return pass_through(t, header);
    int saved = errno;
    bool ready = false;
    if (header || ar_process_start()) {
        header = ar_recording.header;
        __atomic_fetch_add(&header->slow_begun, 1, __ATOMIC_SEQ_CST);
        ready = make_ready(t, header);
        __atomic_fetch_add(&header->slow_done, 1, __ATOMIC_SEQ_CST);
    }
    errno = saved;
    return ready;
}

/* Called by a program that knows it is recorded: its calls of this thread are recorded from `on` 1 to `on` 0. A thread
 * begins with 1; with ALLOCREPLAY_OPT_IN, with 0. It takes its index here, so a program decides in what order. The
 * re-entry guard, kept up, is what mutes a thread: the fast path does not know of it. */
AR_EXPORT void allocreplay_record_thread(int on)
{
    struct ar_thread *t = &ar_self;
    t->busy = 1;
    if (!on)
        return;
    t->asked = 1;
    if (ar_begin(t)) /* attaches */
        ar_end(t);
    t->busy = 0;
}

/* Runs in every round of thread-specific-data destructors, and asks for another until the last: destructors of the
 * program that run after the first round still allocate. What comes later still (the C library frees its own blocks)
 * goes into the tail, which is reclaimed only when the kernel has no such thread any more. */
static void on_thread_exit(void *value)
{
    struct ar_thread *t = value;
    if (t->header == NULL || t->header != ar_recording.header || t->exited)
        return;
    bool was_busy = t->busy;
    t->busy = 1;
    if (++t->exit_rounds < AR_EXIT_ROUNDS) {
        pthread_setspecific(exit_key, t);
    } else {
        if (ar_begin(t)) {
            ar_event(t, AR_THREAD_EXIT, (struct ar_details){.now = ar_now()});
            ar_end(t);
        }
        t->exited = 1;
        ar_lock();
        ar_slot_exited(t->slot);
        ar_unlock();
    }
    t->busy = was_busy;
}

void ar_thread_key_create(void)
{
    /* The key outlives a fork. */
    if (!have_exit_key)
        have_exit_key = pthread_key_create(&exit_key, on_thread_exit) == 0;
}
