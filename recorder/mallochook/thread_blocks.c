/* A thread's end: the functions in which the C library frees what it allocated for a thread. While one is under way the
 * guard says AR_BUSY_JOIN, so that each block that is freed is looked for among those remembered. All else that is told
 * meanwhile (by a signal handler, or by what a cancelled thread does after it left the function for ever) is recorded
 * as ever. */
#include "thread_blocks.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "recording.h"

#define BLOCKS 4096
#define REACH 64 /* places where a block may be */

static const void *blocks[BLOCKS];

static const void **place(const void *block, unsigned i)
{
    return &blocks[((((uintptr_t)block >> 4) * 0x9e3779b97f4a7c15u >> 32) + i) % BLOCKS];
}

bool ar_remember(const void *block)
{
    for (unsigned i = 0; i < REACH; i++) {
        const void *none = NULL;
        if (__atomic_compare_exchange_n(place(block, i), &none, block, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

bool ar_forget(const void *block)
{
    for (unsigned i = 0; block && i < REACH; i++) {
        const void *found = block;
        if (__atomic_compare_exchange_n(place(block, i), &found, NULL, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

/*   X(name, parameters, arguments) */
#define END_FUNCTIONS(X)                                                                                               \
    X(pthread_join, (pthread_t thread, void **result), (thread, result))                                               \
    X(pthread_tryjoin_np, (pthread_t thread, void **result), (thread, result))                                         \
    X(pthread_timedjoin_np, (pthread_t thread, void **result, const struct timespec *until), (thread, result, until))  \
    X(pthread_clockjoin_np, (pthread_t thread, void **result, clockid_t clock, const struct timespec *until),          \
      (thread, result, clock, until))                                                                                  \
    X(pthread_detach, (pthread_t thread), (thread))                                                                    \
    X(thrd_join, (pthread_t thread, int *result), (thread, result))                                                    \
    X(thrd_detach, (pthread_t thread), (thread))

#define DEFINE(name, params, args)                                                                                     \
    static int(*real_##name) params;                                                                                   \
    AR_EXPORT int name params;                                                                                         \
    AR_EXPORT int name params                                                                                          \
    {                                                                                                                  \
        struct ar_thread *t = &ar_self;                                                                                \
        const uint8_t busy = t->busy;                                                                                  \
        if (AR_UNLIKELY(!real_##name)) /* a constructor's, before ours */                                              \
            ar_thread_ends_resolve();                                                                                  \
        t->busy = busy | AR_BUSY_JOIN;                                                                                 \
        int error = real_##name ? real_##name args : ENOSYS;                                                           \
        t->busy = busy;                                                                                                \
        return error;                                                                                                  \
    }
END_FUNCTIONS(DEFINE)

void ar_thread_ends_resolve(void)
{
    struct ar_thread *t = &ar_self;
    const uint8_t busy = t->busy;
    t->busy |= AR_BUSY;
#define LOOK_UP(name, params, args) real_##name = (int(*) params)ar_next(#name);
    END_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
    t->busy = busy;
}
