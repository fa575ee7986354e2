/* The C functions.
 *
 * Ownership order: an event is stamped while the thread owns the block. A release is stamped before the real call gives
 * the block away, an acquisition after the real call took it; a reallocation both, since in between the old address may
 * already be another thread's. So in real time, and up to a core's reordering in counter time, the release of an
 * address comes before its next acquisition. The reader makes up for the reordering.
 */
#include "record.h"

#include <errno.h>
#include <string.h>

#include "inside.h"
#include "own.h"
#include "real.h"
#include "reallocate.h"

/* What the fast paths leave to others: a call made while the guard is up. One that is the program's all the same takes
 * the fast path after all. */
#define ENTER_AGAIN(t, call)                                                                                           \
    const uint8_t busy = (t)->busy;                                                                                    \
    (t)->busy = 0;                                                                                                     \
    call;                                                                                                              \
    (t)->busy = busy
#define OPEN(...) __VA_ARGS__

#define ACQUIRE_INSIDE(ret, name, params, args)                                                                        \
    static AR_NOINLINE ret name##_inside(OPEN params, const void *caller)                                              \
    {                                                                                                                  \
        struct ar_thread *t = &ar_self;                                                                                \
        if (!ar_is_programs(t, caller, __builtin_frame_address(0)))                                                    \
            return ar_real.name args;                                                                                  \
        ENTER_AGAIN(t, ret taken = ar_ours_##name args);                                                               \
        return taken;                                                                                                  \
    }
AR_ACQUIRING_FUNCTIONS(ACQUIRE_INSIDE)

/* In pthread_create the C library frees NULL for each library that had no storage in the thread whose stack is used
 * again: these are nobody's. */
#define RELEASE_INSIDE(ret, name, params, args)                                                                        \
    static AR_NOINLINE ret name##_inside params                                                                        \
    {                                                                                                                  \
        struct ar_thread *t = &ar_self;                                                                                \
        if ((block || !(t->busy & AR_BUSY_THREAD)) && ar_is_programs(t, NULL, __builtin_frame_address(0))) {           \
            ENTER_AGAIN(t, ar_ours_##name args);                                                                       \
        } else {                                                                                                       \
            ar_real.name args;                                                                                         \
        }                                                                                                              \
    }
AR_RELEASING_FUNCTIONS(RELEASE_INSIDE)

/* The vector by which a thread finds its thread-local storage is what the C library asks for in pthread_create. It
 * frees that where nobody knows whose it is: when the thread is joined, when a later one takes its stack, when another
 * one exits. So it gets a block that is told by its address, and none of these needs to be known to us. A wait in
 * pthread_join, which handlers interrupt and which a cancelled thread never leaves, is nothing special then. Where we
 * have no such block, the call is recorded, and so will its end be.
 *
 * It is known by the size of its entries, so that what a handler asks for meanwhile is recorded. Not by its caller,
 * which is another library where that has a calloc in front of ours; nor as the only one, as a pthread_create behind
 * ours (ThreadSanitizer's) may start a thread of its own too. Not where we were loaded late: when we have left, such a
 * block would be freed by who does not know it. */
#define VECTOR_ENTRY (2 * sizeof(void *)) /* dtv_t, in every glibc */

static AR_NOINLINE void *calloc_of_thread(size_t count, size_t size, const void *caller)
{
    struct ar_thread *t = &ar_self;
    const uint8_t busy = t->busy;
    void *block = NULL;
    if (busy & AR_BUSY_THREAD && !ar_options.late && size == VECTOR_ENTRY && count <= AR_CELL_SIZE / VECTOR_ENTRY)
        block = ar_own_thread_block(count * size);
    if (!block)
        return calloc_inside(count, size, caller);
    /* It may be the allocator's first call: this thread is to start it, as ever, not the one that is created. */
    t->busy = AR_BUSY;
    ar_real.free(ar_real.calloc(count, size));
    t->busy = busy;
    return block;
}

#define CALLER __builtin_return_address(0)

/* Body of a function that acquires. The guard stays up across the real call: what an allocator asks of itself is not
 * the program's. */
#define ACQUIRE(op, call, inside, size, count, alignment)                                                              \
    struct ar_thread *t = &ar_self;                                                                                    \
    if (AR_UNLIKELY(t->busy))                                                                                          \
        return inside;                                                                                                 \
    t->busy = AR_BUSY;                                                                                                 \
    uint64_t entered = ar_entered();                                                                                   \
    void *block = call;                                                                                                \
    ar_acquired(t, op, block, size, count, alignment, entered);                                                        \
    t->busy = 0;                                                                                                       \
    return block

#define RELEASE(op, call, inside, block, size, alignment)                                                              \
    struct ar_thread *t = &ar_self;                                                                                    \
    uint64_t entered;                                                                                                  \
    if (AR_UNLIKELY(ar_is_own(block))) {                                                                               \
        ar_own_free(block);                                                                                            \
        return;                                                                                                        \
    }                                                                                                                  \
    if (AR_UNLIKELY(t->busy)) {                                                                                        \
        inside;                                                                                                        \
        return;                                                                                                        \
    }                                                                                                                  \
    t->busy = AR_BUSY;                                                                                                 \
    bool timed = ar_releasing(t, op, block, size, alignment, &entered);                                                \
    call;                                                                                                              \
    if (AR_UNLIKELY(timed))                                                                                            \
        ar_released(t, op, block, size, alignment, entered);                                                           \
    t->busy = 0

/* Of a sample, most calls are these and write nothing: each is a function of its own, that saves few registers. */
static __attribute__((noinline)) void *malloc_of_sample(size_t size)
{
    struct ar_thread *t = &ar_self;
    t->busy = AR_BUSY;
    void *block = ar_real.malloc(size);
    if (AR_UNLIKELY(ar_sample_falls(t, block, size)))
        ar_record_acquired(t, AR_MALLOC, block, size, 1, 0, 0);
    t->busy = 0;
    return block;
}

static __attribute__((noinline)) void free_of_sample(void *block)
{
    struct ar_thread *t = &ar_self;
    t->busy = AR_BUSY;
    if (AR_UNLIKELY(ar_sampled_maybe(block)))
        ar_record_now(t, AR_FREE, block, 0);
    ar_real.free(block);
    t->busy = 0;
}

/* With latency, or with stacks. */
static AR_NOINLINE void *malloc_special(size_t size, const void *caller)
{
    if (ar_recording.special == AR_SPECIAL_TAKES) {
        struct ar_thread *self = &ar_self;
        self->busy = AR_BUSY;
        void *taken = ar_real.malloc(size);
        ar_record_malloc_stacked(self, taken, size);
        self->busy = 0;
        return taken;
    }
    ACQUIRE(AR_MALLOC, ar_real.malloc(size), malloc_inside(size, caller), size, 1, 0);
}

AR_EXPORT void *malloc(size_t size)
{
    struct ar_thread *t = &ar_self;
    if (AR_UNLIKELY(t->busy))
        return malloc_inside(size, CALLER);
    if (AR_UNLIKELY(ar_recording.special & AR_SPECIAL_TAKES))
        return AR_LIKELY(ar_recording.special & AR_SPECIAL_SAMPLE) ? malloc_of_sample(size)
                                                                   : malloc_special(size, CALLER);
    t->busy = AR_BUSY;
    void *block = ar_real.malloc(size);
    ar_record(t, AR_MALLOC, block, size);
    t->busy = 0;
    return block;
}

AR_EXPORT void *calloc(size_t count, size_t size)
{
    ACQUIRE(AR_CALLOC, ar_real.calloc(count, size), calloc_of_thread(count, size, CALLER), size, count, 0);
}

AR_EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
    ACQUIRE(AR_ALIGNED_ALLOC, ar_real.aligned_alloc(alignment, size), aligned_alloc_inside(alignment, size, CALLER),
            size, 1, alignment);
}

AR_EXPORT void *memalign(size_t alignment, size_t size)
{
    ACQUIRE(AR_MEMALIGN, ar_real.memalign(alignment, size), memalign_inside(alignment, size, CALLER), size, 1,
            alignment);
}

AR_EXPORT void *valloc(size_t size)
{
    ACQUIRE(AR_VALLOC, ar_real.valloc(size), valloc_inside(size, CALLER), size, 1, 0);
}

AR_EXPORT void *pvalloc(size_t size)
{
    ACQUIRE(AR_PVALLOC, ar_real.pvalloc(size), pvalloc_inside(size, CALLER), size, 1, 0);
}

AR_EXPORT int posix_memalign(void **result, size_t alignment, size_t size)
{
    struct ar_thread *t = &ar_self;
    if (AR_UNLIKELY(t->busy))
        return posix_memalign_inside(result, alignment, size, CALLER);
    t->busy = AR_BUSY;
    uint64_t entered = ar_entered();
    int error = ar_real.posix_memalign(result, alignment, size);
    ar_acquired(t, AR_POSIX_MEMALIGN, error ? NULL : *result, size, 1, alignment, entered);
    t->busy = 0;
    return error;
}

static AR_NOINLINE void free_special(void *block)
{
    RELEASE(AR_FREE, ar_real.free(block), free_inside(block), block, 0, 0);
}

AR_EXPORT void free(void *block)
{
    struct ar_thread *t = &ar_self;
    if (AR_UNLIKELY(ar_is_own(block) || t->busy || ar_recording.special & AR_SPECIAL_GIVES)) {
        if (AR_LIKELY(ar_recording.special & AR_SPECIAL_SAMPLE) && !ar_is_own(block) && !t->busy)
            free_of_sample(block);
        else
            free_special(block);
        return;
    }
    t->busy = AR_BUSY;
    ar_record(t, AR_FREE, block, 0);
    ar_real.free(block);
    t->busy = 0;
}

AR_EXPORT void free_sized(void *block, size_t size)
{
    RELEASE(AR_FREE_SIZED, ar_real.free_sized(block, size), free_sized_inside(block, size), block, size, 0);
}

AR_EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    RELEASE(AR_FREE_ALIGNED_SIZED, ar_real.free_aligned_sized(block, alignment, size),
            free_aligned_sized_inside(block, alignment, size), block, size, alignment);
}

/* Moves a block out of our own memory. */
static AR_NOINLINE void *leave_own(void *old, size_t size)
{
    void *block = ar_ours_malloc(size);
    size_t held = ar_own_size(old);
    if (block) {
        memcpy(block, old, size < held ? size : held);
        ar_own_free(old);
    }
    return block;
}

#define REALLOCATE(name, call, inside, old, size, count)                                                               \
    struct ar_thread *t = &ar_self;                                                                                    \
    if (AR_UNLIKELY(t->busy))                                                                                          \
        return inside;                                                                                                 \
    t->busy = AR_BUSY;                                                                                                 \
    bool held, wanted = ar_reallocating(t, old, &held);                                                                \
    uint64_t entered = wanted ? ar_now() : ar_entered();                                                               \
    void *block = call;                                                                                                \
    struct ar_reallocation r = {AR_##name##_BEGIN, AR_##name##_END, old, block, size, count, entered};                 \
    ar_reallocated(t, r, held, wanted);                                                                                \
    t->busy = 0;                                                                                                       \
    return block

AR_EXPORT void *realloc(void *old, size_t size)
{
    if (AR_UNLIKELY(ar_is_own(old)))
        return leave_own(old, size);
    REALLOCATE(REALLOC, ar_real.realloc(old, size), realloc_inside(old, size, CALLER), old, size, 1);
}

AR_EXPORT void *reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (AR_UNLIKELY(ar_is_own(old)))
        return __builtin_mul_overflow(count, size, &bytes) ? (errno = ENOMEM, NULL) : leave_own(old, bytes);
    REALLOCATE(REALLOCARRAY, ar_real.reallocarray(old, count, size), reallocarray_inside(old, count, size, CALLER), old,
               size, count);
}

AR_EXPORT size_t malloc_usable_size(void *block)
{
    return ar_is_own(block) ? ar_own_size(block) : ar_real.malloc_usable_size(block);
}

#define OURS(ret, name, params, args) ret ar_ours_##name params __attribute__((alias(#name)));
AR_C_FUNCTIONS(OURS)
