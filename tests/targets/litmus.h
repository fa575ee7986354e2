/* Included into the litmus build of the hook, to widen the two windows that ar_begin argues about.
 *
 * The flag's store must be seen late. Stores leave a core in order, so before a thread raises its flag it queues as
 * many as a store buffer holds, to lines that it has just flushed. The core fetches the lines of queued stores ahead
 * and in parallel; that they are 64 KiB apart, and so compete for one set of each cache, takes most of that away: the
 * queue drains in over 1 us instead of some 100 ns, and the state is read long before the flag is seen.
 *
 * And the event must be written late, or it would be before the stop returns. Only where it matters, so that a thread
 * spends its time in the first window and nearly nowhere else: once the queue has drained, the thread reads the state
 * again, and only if it was stopped meanwhile does it dawdle. That fence comes after ar_begin's read: it orders nothing
 * of what is tried here. */
#ifndef LITMUS_H
#define LITMUS_H
#if defined(__x86_64__)

#define LITMUS_LINES 90      /* store buffers have 48 to 112 entries */
#define LITMUS_APART 65536   /* bytes */
#define LITMUS_AT 3200       /* in the page: neither the set of a tail's header nor that of the state */
#define LITMUS_TICKS 800000u /* 0.25 to 0.4 ms: longer than a stop takes from its reading of the flags */

static inline void litmus_queue_stores(void)
{
    static char lines[LITMUS_LINES][LITMUS_APART] __attribute__((aligned(4096)));
    for (int i = 0; i < LITMUS_LINES; i++)
        __builtin_ia32_clflush(&lines[i][LITMUS_AT]);
    __builtin_ia32_mfence();
    for (int i = 0; i < LITMUS_LINES; i++)
        *(volatile char *)&lines[i][LITMUS_AT] = 1;
}

static inline void litmus_dawdle(const unsigned *control)
{
    __builtin_ia32_mfence();
    if (__atomic_load_n(control, __ATOMIC_RELAXED))
        return;
    unsigned long long start = __builtin_ia32_rdtsc();
    while (__builtin_ia32_rdtsc() - start < LITMUS_TICKS)
        ;
}

#define AR_LITMUS_BEFORE_RAISE() litmus_queue_stores()
#define AR_LITMUS_BEFORE_WRITE(control) litmus_dawdle(control)
#endif
#endif
