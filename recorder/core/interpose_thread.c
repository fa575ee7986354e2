/* pthread_create: the edge from parent to child. What the C library allocates in it for the thread is no call of the
 * program's, nor is its end, whenever that comes: AR_BUSY_THREAD tells the source of events, which leaves both out. */
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
    size_t stack_size;
    char name[16]; /* of the parent: a thread begins with it */
} births[AR_BIRTHS];

/* How large the thread's stack will be. Where none asks for a size, it is what the C library has by the limit of stacks
 * at the start; the library waits here for nothing that its own pthread_create does not wait for. */
static size_t stack_size(const pthread_attr_t *attributes)
{
    pthread_attr_t usual;
    size_t size = 0;
    if (!attributes && pthread_attr_init(&usual) == 0) {
        pthread_attr_getstacksize(&usual, &size);
        pthread_attr_destroy(&usual);
    } else if (attributes) {
        pthread_attr_getstacksize(attributes, &size);
    }
    return size;
}

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
    t->busy = AR_BUSY;
    /* Above this frame are those that the C library begins a thread with, and its own data. */
    t->stack_top = (uintptr_t)__builtin_frame_address(0) + 1024;
    t->stack_size = birth->stack_size;
    if (birth->header == ar_recording.header) {
        t->index = birth->index;
        t->parent = birth->parent;
        t->announced = 1;
        if (!t->name[0]) /* else its creator has named it by now */
            memcpy(t->name, birth->name, sizeof t->name);
    }
    birth_free(birth);
    if (ar_begin(t)) /* attaches, and writes THREAD_START */
        ar_end(t);
    /* The creator may name it just now: it writes the name, then the limit; we have written the limit, and read the
     * name. So either we see the name here, or the creator's limit stays. */
    atomic_thread_fence(memory_order_seq_cst);
    ar_show_name(t);
    t->busy = ar_options.opt_in;
    return run(argument);
}

AR_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    struct ar_thread *t = &ar_self;
    const uint8_t busy = t->busy;
    struct birth *birth = NULL;
    t->busy |= AR_BUSY;
    if (!(busy & AR_BUSY) && ar_begin(t) && (birth = birth_take()) == NULL)
        ar_end(t);
    if (birth) {
        birth->run = run;
        birth->argument = argument;
        birth->index = __atomic_fetch_add(&ar_recording.header->threads, 1, __ATOMIC_RELAXED);
        birth->parent = t->index + 1;
        birth->header = t->header;
        birth->stack_size = stack_size(attributes);
        memcpy(birth->name, t->name, sizeof birth->name);
        /* Before the child can run, so before its first event. If no thread comes of it, the index stays unused. */
        ar_event(t, AR_THREAD_CREATE, (struct ar_details){.thread = birth->index + 1, .now = ar_now()});
        ar_end(t);
    }
    t->busy = busy | AR_BUSY_THREAD;
    int error = birth ? ar_real_thread.pthread_create(thread, attributes, begin_thread, birth)
                      : ar_real_thread.pthread_create(thread, attributes, run, argument);
    t->busy = busy;
    if (error && birth)
        birth_free(birth);
    return error;
}

int ar_ours_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
    __attribute__((alias("pthread_create"), nothrow, nonnull(1, 3)));
