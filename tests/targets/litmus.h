/* Included into the litmus build of the hook. Before a thread raises its flag, it stores to lines that were just
 * flushed from the caches: the flag's store queues up behind them, so that without a fence the state is read long
 * before the flag is seen. And before it writes, it dawdles for some 100 us, so that a stop that does not wait has
 * returned by then. */
#ifndef LITMUS_H
#define LITMUS_H
#if defined(__x86_64__)

#define LITMUS_LINES 96

static inline void litmus_queue_stores(void)
{
    static __thread char lines[LITMUS_LINES][64] __attribute__((aligned(64), tls_model("initial-exec")));
    for (int i = 0; i < LITMUS_LINES; i++)
        __builtin_ia32_clflush(lines[i]);
    __builtin_ia32_mfence();
    for (int i = 0; i < LITMUS_LINES; i++)
        *(volatile char *)lines[i] = 1;
}

static inline void litmus_dawdle(void)
{
    for (volatile int i = 0; i < 100000; i++)
        ;
}

#define AR_LITMUS_BEFORE_RAISE() litmus_queue_stores()
#define AR_LITMUS_BEFORE_WRITE() litmus_dawdle()
#endif
#endif
