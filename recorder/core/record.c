/* Calls of the program as events, where the fast path does not write them. */
#include "record.h"

/* The thread has its first event, or its chunk is full, or recording has failed, or has begun again. */
AR_NOINLINE void ar_record_now(struct ar_thread *t, enum ar_op op, const void *block, size_t size)
{
    if (ar_begin(t)) {
        ar_event(t, op, (struct ar_details){.address = block, .size = size, .count = 1, .now = ar_now()});
        ar_end(t);
    }
}

/* Some time after the last event, or far from its address. */
AR_NOINLINE void ar_record_long(struct ar_thread *t, enum ar_op op, const void *block, size_t size, uint64_t now)
{
    ar_event(t, op, (struct ar_details){.address = block, .size = size, .count = 1, .now = now});
}

AR_NOINLINE void ar_record_acquired(struct ar_thread *t, enum ar_op op, const void *block, size_t size, size_t count,
                                    size_t alignment, uint64_t entered)
{
    if (ar_begin(t)) {
        uint64_t now = ar_now();
        ar_event(t, op, (struct ar_details){block, size, count, alignment, 0, now, ar_took(entered, now)});
        ar_end(t);
    }
}

AR_NOINLINE bool ar_record_releasing(struct ar_thread *t, enum ar_op op, const void *block, size_t size,
                                     size_t alignment, uint64_t *entered)
{
    if (!ar_begin(t))
        return false;
    *entered = ar_now();
    if (ar_recording.latency)
        return true;
    ar_event(t, op, (struct ar_details){block, size, 1, alignment, 0, *entered, 0});
    ar_end(t);
    return false;
}

AR_NOINLINE void ar_released(struct ar_thread *t, enum ar_op op, const void *block, size_t size, size_t alignment,
                             uint64_t entered)
{
    ar_event(t, op, (struct ar_details){block, size, 1, alignment, 0, entered, ar_took(entered, ar_now())});
    ar_end(t);
}
