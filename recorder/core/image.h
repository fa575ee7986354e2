/* The recording of one process image: its start, in a program or in a forked child, its end, and its failure. */
#ifndef ALLOCREPLAY_IMAGE_H
#define ALLOCREPLAY_IMAGE_H

#include <pthread.h>

#include "encode.h"
#include "thread.h"

/* Whether the thread may write events now, until its flag is taken down: attaches it, begins its next chunk, begins the
 * recording of a forked child. The slow path of ar_begin. */
bool ar_ready(struct ar_thread *t);

/* Defined by the litmus build of the tests only, to widen the windows that ar_begin argues about. */
#ifndef AR_LITMUS_BEFORE_RAISE
#define AR_LITMUS_BEFORE_RAISE() ((void)0)
#define AR_LITMUS_BEFORE_WRITE(control) ((void)0)
#endif

/* True when the thread may write events now, until ar_end, and nothing is to be done first.
 *
 * The thread raises its flag, then reads the state; a controlling process writes the state, then reads the flags. With
 * a full fence between the two on either side, one of them sees the other: either the thread sees that recording is
 * stopped, or the controller sees the flag and waits for it. Our side has none, as a fence costs as much as the rest of
 * the event: the controller's membarrier makes every running thread execute one, between its store and its reads. See
 * docs/design/control.md. */
static inline bool ar_enter(struct ar_thread *t)
{
    struct ar_process *h = ar_recording.header;
    if (AR_UNLIKELY(!h || h != t->header))
        return false;
    AR_LITMUS_BEFORE_RAISE();
    __atomic_store_n(&t->tail->inside, 1, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
    if (AR_UNLIKELY(__atomic_load_n(&h->control, __ATOMIC_RELAXED) != t->interval || t->cursor > t->limit))
        return false;
    AR_LITMUS_BEFORE_WRITE(&h->control);
    return true;
}

/* True when the thread may write events now, until ar_end. */
static inline bool ar_begin(struct ar_thread *t)
{
    return AR_LIKELY(ar_enter(t)) || ar_ready(t);
}

static inline void ar_end(struct ar_thread *t)
{
    __atomic_store_n(&t->tail->inside, 0, __ATOMIC_RELEASE);
}

/* After ar_enter was false: whether that is because recording is stopped. Then the thread is where it was before. */
static inline bool ar_is_stopped(struct ar_thread *t)
{
    struct ar_process *h = ar_recording.header;
    if (!h || __atomic_load_n(&h->control, __ATOMIC_RELAXED) != 0 || ar_has_failed(h))
        return false;
    if (t->header == h)
        ar_end(t);
    return true;
}

static inline uint64_t ar_now(void)
{
    return ar_ticks() >> ar_recording.tick_shift;
}

/* A filter of system calls is about to be in place. */
void ar_filtered(void);

/* The counter is about to be forbidden: this image's recording ends. */
void ar_without_counter(void);

/* interpose_fork.c, interpose_prctl.c, interpose_dlclose.c: look up what they wrap. */
void ar_dlclose_resolve(void);
void ar_fork_resolve(void);
void ar_prctl_resolve(void);

/* Ours, by names that nobody else can define. */
#define AR_CORE_FUNCTIONS(X) X(dlclose) X(_Fork) X(prctl) X(pthread_setname_np)
#define AR_OURS __attribute__((visibility("hidden")))
AR_OURS int ar_ours_dlclose(void *object);
AR_OURS pid_t ar_ours__Fork(void);
AR_OURS int ar_ours_prctl(int option, ...);
AR_OURS int ar_ours_pthread_setname_np(pthread_t thread, const char *name);
#undef AR_OURS

/* Writes the thread's name into the chunk that it is writing. By itself. */
void ar_show_name(struct ar_thread *t);

/* Ends the image where it is stopped, while its process goes on: as one that has exited. False: it is not stopped. */
bool ar_leave(void);

/* Begins an image after that, by what ar_settings says now. */
void ar_begin_again(void);

/* Ends this image's recording, for good. */
void ar_fail(struct ar_why why);

#endif
