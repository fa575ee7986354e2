/* pthread_create behind ours, which both sources of events wrap: core/interpose_thread.c. */
#ifndef ALLOCREPLAY_REAL_THREAD_H
#define ALLOCREPLAY_REAL_THREAD_H

#include <pthread.h>

struct ar_real_thread_functions {
    int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
};

/* Until it is looked up, the pointer leads to a stub that does so. */
extern struct ar_real_thread_functions ar_real_thread;
void ar_real_thread_resolve(void);

/* Ours, by a name that nobody else can define. */
__attribute__((visibility("hidden"))) int ar_ours_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                                                                 void *);

#endif
