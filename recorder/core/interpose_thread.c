/* pthread_create: the edge from parent to child. And the joins, in which the C library frees what is left of a thread:
 * its own blocks, allocated in pthread_create, and no calls of the program either. */
#include "record.h"

#include <string.h>

#include "real_thread.h"

/* What the child is told: not on the heap, since that is the program's; nor in shared memory, where anybody could put
 * another function. A page of them is touched only when so many threads have been created and have not begun. Where all
 * are in use, the child begins as a thread of unknown parent. */
static struct birth {
    void *(*run)(void *);
    void *argument;
    struct ar_process *header;
    uint32_t index;
    uint32_t parent; /* plus one */
    char name[16];   /* of the parent: a thread begins with it */
} births[AR_BIRTHS];

static struct birth *birth_take(void)
{
    for (uint32_t word = 0; word < AR_BIRTHS / 64; word++) {
        uint64_t taken;
        while ((taken = __atomic_load_n(&ar_recording.births[word], __ATOMIC_RELAXED)) != UINT64_MAX) {
            uint64_t bit = ~taken & (taken + 1); /* the lowest that is free */
            if (!(__atomic_fetch_or(&ar_recording.births[word], bit, __ATOMIC_ACQUIRE) & bit))
                return &births[word * 64 + (uint32_t)__builtin_ctzll(bit)];
        }
    }
    return NULL;
}

static void birth_free(struct birth *birth)
{
    uint32_t n = (uint32_t)(birth - births);
    __atomic_fetch_and(&ar_recording.births[n / 64], ~(1ull << n % 64), __ATOMIC_RELEASE);
}

static void *begin_thread(void *value)
{
    struct birth *birth = value;
    struct ar_thread *t = &ar_self;
    void *(*run)(void *) = birth->run;
    void *argument = birth->argument;
    t->busy = 1;
    if (birth->header == ar_recording.header) {
        t->index = birth->index;
        t->parent = birth->parent;
        t->announced = 1;
        memcpy(t->name, birth->name, sizeof t->name);
    }
    birth_free(birth);
    if (ar_begin(t)) /* attaches, and writes THREAD_START */
        ar_end(t);
    t->busy = ar_options.opt_in;
    return run(argument);
}

AR_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    struct ar_thread *t = &ar_self;
    if (t->busy)
        return ar_real_thread.pthread_create(thread, attributes, run, argument);
    t->busy = 1; /* the C library's own blocks for the thread are not the program's calls */
    struct birth *birth = NULL;
    int error;
    if (ar_begin(t) && (birth = birth_take()) == NULL)
        ar_end(t);
    if (birth) {
        birth->run = run;
        birth->argument = argument;
        birth->index = __atomic_fetch_add(&ar_recording.header->threads, 1, __ATOMIC_RELAXED);
        birth->parent = t->index + 1;
        birth->header = t->header;
        memcpy(birth->name, t->name, sizeof birth->name);
        /* Before the child can run, so before its first event. If no thread comes of it, the index stays unused. */
        ar_event(t, AR_THREAD_CREATE, (struct ar_details){.thread = birth->index + 1, .now = ar_now()});
        ar_end(t);
        error = ar_real_thread.pthread_create(thread, attributes, begin_thread, birth);
        if (error)
            birth_free(birth);
    } else {
        error = ar_real_thread.pthread_create(thread, attributes, run, argument);
    }
    t->busy = 0;
    return error;
}

#define DEFINE_JOIN(name, params, args)                                                                                \
    AR_EXPORT int name params                                                                                          \
    {                                                                                                                  \
        struct ar_thread *t = &ar_self;                                                                                \
        uint8_t was_busy = t->busy;                                                                                    \
        t->busy = 1;                                                                                                   \
        int error = ar_real_thread.name args;                                                                          \
        t->busy = was_busy;                                                                                            \
        return error;                                                                                                  \
    }
AR_JOIN_FUNCTIONS(DEFINE_JOIN)
