/* The functions of threads behind ours, which both sources of events wrap: core/interpose_thread.c. */
#ifndef ALLOCREPLAY_REAL_THREAD_H
#define ALLOCREPLAY_REAL_THREAD_H

#include <pthread.h>
#include <time.h>

/* Functions in which the C library frees what it allocated in pthread_create.
 *
 *   X(name, parameters, arguments)
 */
#define AR_JOIN_FUNCTIONS(X)                                                                                           \
    X(pthread_join, (pthread_t thread, void **result), (thread, result))                                               \
    X(pthread_tryjoin_np, (pthread_t thread, void **result), (thread, result))                                         \
    X(pthread_timedjoin_np, (pthread_t thread, void **result, const struct timespec *until), (thread, result, until))

struct ar_real_thread_functions {
    int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
#define AR_REAL_JOIN(name, params, args) int(*name) params;
    AR_JOIN_FUNCTIONS(AR_REAL_JOIN)
#undef AR_REAL_JOIN
};

/* Until they are looked up, the pointers lead to stubs that do so. */
extern struct ar_real_thread_functions ar_real_thread;
void ar_real_thread_resolve(void);

#endif
