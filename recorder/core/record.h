/* What a source of events calls: the gate, and the calls of the program as events. */
#ifndef ALLOCREPLAY_RECORD_H
#define ALLOCREPLAY_RECORD_H

#include "image.h"
#include "sample.h"
#include "stack.h"

/* When the real call is entered; asked only where latency is recorded, as it costs a read of the counter. */
static inline uint64_t ar_entered(void)
{
    return AR_UNLIKELY(ar_recording.latency) ? ar_now() : 0;
}

/* What a call took. Not known, and 0, where it was entered before recording began; nor where the counter of the core
 * that it ended on is behind. */
static inline uint64_t ar_took(uint64_t entered, uint64_t now)
{
    return entered && now > entered ? now - entered : 0;
}

/* Where a call was made; AR_NODE_NONE where that is not recorded. */
static inline uint32_t ar_stack(struct ar_thread *t, enum ar_op op)
{
    if (AR_LIKELY(!(ar_fields(op) & ar_recording.optional_fields & (AR_FIELD_STACK | AR_FIELD_FREE_STACK))) ||
        !t->stack)
        return AR_NODE_NONE;
    return ar_stack_of_call(t->stack);
}

/* record.c: what the inline functions leave to others, so that a call which does not need it saves no registers for
 * it. Of a sample, these decide what those have not ruled out. */
void ar_record_now(struct ar_thread *t, enum ar_op op, const void *block, size_t size);
void ar_record_malloc_stacked(struct ar_thread *t, const void *block, size_t size);
void ar_record_long(struct ar_thread *t, enum ar_op op, const void *block, size_t size, uint64_t now);
void ar_record_acquired(struct ar_thread *t, enum ar_op op, const void *block, size_t size, size_t count,
                        size_t alignment, uint64_t entered);
bool ar_record_releasing(struct ar_thread *t, enum ar_op op, const void *block, size_t size, size_t alignment,
                         uint64_t *entered);

/* The event of a malloc that has returned or of a free that is about to be called; not where ar_recording.special. */
static inline __attribute__((always_inline)) void ar_record(struct ar_thread *t, enum ar_op op, const void *block,
                                                            size_t size)
{
    if (AR_LIKELY(ar_enter(t))) {
        uint64_t now = ar_now();
        if (AR_UNLIKELY(!ar_event_short(t, op, block, size, now, false, 0)))
            ar_record_long(t, op, block, size, now);
        ar_end(t);
    } else if (AR_UNLIKELY(!ar_is_stopped(t))) {
        ar_record_now(t, op, block, size);
    }
}

/* An acquisition, after the real call, which took from `entered` to now. */
static inline void ar_acquired(struct ar_thread *t, enum ar_op op, const void *block, size_t size, size_t count,
                               size_t alignment, uint64_t entered)
{
    if (!ar_is_sampling() || AR_UNLIKELY(ar_sample_falls(t, block, size * count)))
        ar_record_acquired(t, op, block, size, count, alignment, entered);
}

/* A release, before the real call. With latency the event is only stamped now, and written by ar_released when its
 * duration is known: then this returns true and the flag stays up. */
static inline bool ar_releasing(struct ar_thread *t, enum ar_op op, const void *block, size_t size, size_t alignment,
                                uint64_t *entered)
{
    return (!ar_is_sampling() || AR_UNLIKELY(ar_sampled_maybe(block))) &&
           ar_record_releasing(t, op, block, size, alignment, entered);
}

void ar_released(struct ar_thread *t, enum ar_op op, const void *block, size_t size, size_t alignment,
                 uint64_t entered);

/* Memory that the kernel maps for the program. */
void allocreplay_region(enum ar_op op, const void *address, size_t size, const void *caller);

#endif
