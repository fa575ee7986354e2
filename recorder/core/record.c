/* Calls of the program as events, where the fast path does not write them. */
#include "record.h"

/* ar_begin for a block that was acquired, of `bytes`. Of a sample: whether it gets into it. The countdown goes on where
 * nothing is recorded, so that the next block is not chosen in the place of this one. */
static bool begin_acquired(struct ar_thread *t, const void *block, uint64_t bytes)
{
    const bool begun = ar_begin(t); /* first: it may be what begins the recording, and its sample */
    if (AR_LIKELY(!ar_is_sampling()))
        return begun;
    const bool drawn = block && ar_sample_draws(t, bytes);
    if (begun && drawn && ar_sample_add(block))
        return true;
    if (begun)
        ar_end(t);
    return false;
}

/* ar_begin for a block that is about to be released. Of a sample: whether it was in it; it leaves it whether that is
 * recorded or not. */
static bool begin_releasing(struct ar_thread *t, const void *block)
{
    const bool begun = ar_begin(t);
    if (AR_LIKELY(!ar_is_sampling()) || (block && ar_sampled_remove(block)))
        return begun;
    if (begun)
        ar_end(t);
    return false;
}

/* The thread has its first event, or its chunk is full, or recording has failed, or has begun again. */
AR_NOINLINE void ar_record_now(struct ar_thread *t, enum ar_op op, const void *block, size_t size)
{
    if (op == AR_FREE ? begin_releasing(t, block) : begin_acquired(t, block, size)) {
        uint64_t now = ar_now();
        uint32_t stack = ar_stack(t, op);
        ar_event(t, op, (struct ar_details){.address = block, .size = size, .count = 1, .now = now, .stack = stack});
        ar_end(t);
    }
}

/* A malloc where stacks are all that is special: as ar_record, with the stack. */
void ar_record_malloc_stacked(struct ar_thread *t, const void *block, size_t size)
{
    if (AR_UNLIKELY(!ar_enter(t))) {
        if (!ar_is_stopped(t))
            ar_record_now(t, AR_MALLOC, block, size);
        return;
    }
    const uint64_t now = ar_now();
    const uint32_t stack = t->stack ? ar_stack_of_call(t->stack) : AR_NODE_NONE;
    if (AR_UNLIKELY(!ar_event_short(t, AR_MALLOC, block, size, now, true, stack)))
        ar_event(t, AR_MALLOC,
                 (struct ar_details){.address = block, .size = size, .count = 1, .now = now, .stack = stack});
    ar_end(t);
}

/* Some time after the last event, or far from its address. */
AR_NOINLINE void ar_record_long(struct ar_thread *t, enum ar_op op, const void *block, size_t size, uint64_t now)
{
    ar_event(t, op, (struct ar_details){.address = block, .size = size, .count = 1, .now = now});
}

AR_NOINLINE void ar_record_acquired(struct ar_thread *t, enum ar_op op, const void *block, size_t size, size_t count,
                                    size_t alignment, uint64_t entered)
{
    if (begin_acquired(t, block, size * count)) {
        uint64_t now = ar_now();
        ar_event(t, op,
                 (struct ar_details){block, size, count, alignment, 0, now, ar_took(entered, now), ar_stack(t, op)});
        ar_end(t);
    }
}

AR_NOINLINE bool ar_record_releasing(struct ar_thread *t, enum ar_op op, const void *block, size_t size,
                                     size_t alignment, uint64_t *entered)
{
    if (!begin_releasing(t, block))
        return false;
    *entered = ar_now();
    if (ar_recording.latency)
        return true;
    ar_event(t, op, (struct ar_details){block, size, 1, alignment, 0, *entered, 0, ar_stack(t, op)});
    ar_end(t);
    return false;
}

AR_NOINLINE void ar_released(struct ar_thread *t, enum ar_op op, const void *block, size_t size, size_t alignment,
                             uint64_t entered)
{
    const uint64_t took = ar_took(entered, ar_now());
    ar_event(t, op, (struct ar_details){block, size, 1, alignment, 0, entered, took, ar_stack(t, op)});
    ar_end(t);
}

/* Memory that the kernel maps for the program, or takes back: told by ../regions/regions.c. Not what the allocator does
 * for a call that it is in, nor what we do: that maps for a start of the recording too, before there is a guard. */
AR_EXPORT void allocreplay_region(enum ar_op op, const void *address, size_t size, const void *caller)
{
    extern const char __ehdr_start[] __attribute__((visibility("hidden")));
    extern const char _end[] __attribute__((visibility("hidden")));
    struct ar_thread *t = &ar_self;
    if (t->busy || (uintptr_t)caller - (uintptr_t)__ehdr_start < (uintptr_t)_end - (uintptr_t)__ehdr_start)
        return;
    t->busy = AR_BUSY;
    if (ar_begin(t)) {
        const uint64_t now = ar_now();
        const uint32_t stack = ar_fields(op) & AR_FIELD_STACK ? ar_stack(t, op) : AR_NODE_NONE;
        ar_event(t, op, (struct ar_details){.address = address, .size = size, .count = 1, .now = now, .stack = stack});
        ar_end(t);
    }
    t->busy = 0;
}
