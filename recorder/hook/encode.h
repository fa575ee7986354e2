/* One event into the thread's tail. The layout is drawn above EventDecoder in formats/Recording/EventDecoder.cs. */
#ifndef ALLOCREPLAY_ENCODE_H
#define ALLOCREPLAY_ENCODE_H

#include "hook.h"

/* Defined by the litmus build of the tests only, to widen the windows that ar_begin argues about. */
#ifndef AR_LITMUS_BEFORE_RAISE
#define AR_LITMUS_BEFORE_RAISE() ((void)0)
#define AR_LITMUS_BEFORE_WRITE() ((void)0)
#endif

static inline uint8_t *ar_put_varint(uint8_t *p, uint64_t v)
{
    while (AR_UNLIKELY(v >= 0x80)) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

static inline uint64_t ar_zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

/* True when the thread may write events now, until ar_end.
 *
 * The thread raises its flag, then reads the state; a controlling process writes the state, then reads the flags. With
 * a full fence between the two on either side, one of them sees the other: either the thread sees that recording is
 * stopped, or the controller sees the flag and waits for it. Our side has none, as a fence costs as much as the rest of
 * the event: the controller's membarrier makes every running thread execute one, between its store and its reads. See
 * docs/control.md. */
static inline bool ar_begin(struct ar_thread *t)
{
    struct ar_process *h = ar_recording.header;
    if (AR_LIKELY(h && h == t->header)) {
        AR_LITMUS_BEFORE_RAISE();
        __atomic_store_n(&t->tail->inside, 1, __ATOMIC_RELAXED);
        atomic_signal_fence(memory_order_seq_cst);
        if (AR_LIKELY(__atomic_load_n(&h->control, __ATOMIC_RELAXED) == t->interval && t->cursor <= t->limit)) {
            AR_LITMUS_BEFORE_WRITE();
            return true;
        }
    }
    return ar_thread_ready(t);
}

static inline void ar_end(struct ar_thread *t)
{
    __atomic_store_n(&t->tail->inside, 0, __ATOMIC_RELEASE);
}

static inline uint64_t ar_now(void)
{
    return ar_ticks() >> ar_recording.tick_shift;
}

/* Whether a block is in the sample. Stateless, so that all calls on a block agree; seeded, so that runs differ. */
static inline bool ar_sampled(const void *block)
{
    const uint32_t below = ar_recording.sample_below;
    if (AR_LIKELY(below == 0))
        return true;
    uint32_t hash = (uint32_t)((((uintptr_t)block >> 3 ^ ar_recording.sample_seed) * 0x9e3779b97f4a7c15u) >> 32);
    return block && hash < below;
}

/* One event, stamped `now`, that took `duration` where latency is recorded. */
struct ar_details {
    const void *address;
    uint64_t size, count, alignment;
    uint32_t thread;
    uint64_t now, duration;
};

/* Writes one event. `op` is a constant at every call, so each caller keeps only the branches that it needs. */
static inline __attribute__((always_inline)) void ar_event(struct ar_thread *t, enum ar_op op,
                                                           const struct ar_details d)
{
    static const uint8_t fields_of[64] = {
#define AR_OP_FIELDS(code, name, fields) [code] = fields,
        AR_OPS(AR_OP_FIELDS)
#undef AR_OP_FIELDS
    };
    const unsigned fields = fields_of[op];
    uint8_t *p = t->cursor;
    const void *address = d.address;
    /* A thread that moved to another core may read a counter slightly behind. Time never runs backwards in a stream. */
    uint64_t delta = AR_LIKELY(d.now > t->ticks) ? d.now - t->ticks : 0;
    t->ticks += delta;
    uint64_t to = (uint64_t)address;
    /* Unaligned on either side: the difference is no multiple of the unit. */
    unsigned raw =
        (fields & AR_FIELD_ADDRESS) && address && ((to ^ t->address) & (AR_ADDRESS_UNIT - 1)) ? AR_OP_RAW : 0;
    unsigned null = (fields & AR_FIELD_ADDRESS) && !address ? AR_OP_NULL : 0;
    /* As a thread ends, the C library frees what it may have allocated for it, mostly null. That is no call of the
     * program. */
    if (AR_UNLIKELY(null && t->exited))
        return;
    if (op < AR_CODE_LONG && AR_LIKELY(!raw && !null)) {
        p = ar_put_varint(p, delta << AR_CODE_BITS | op);
    } else {
        p = ar_put_varint(p, delta << AR_CODE_BITS | AR_CODE_LONG);
        *p++ = (uint8_t)(op | raw | null);
    }
    if ((fields & AR_FIELD_ADDRESS) && AR_LIKELY(!null)) {
        int64_t difference = (int64_t)(to - t->address);
        p = ar_put_varint(p, ar_zigzag(AR_UNLIKELY(raw) ? difference : difference / AR_ADDRESS_UNIT));
        t->address = to;
    }
    if (fields & AR_FIELD_SIZE)
        p = ar_put_varint(p, d.size);
    if (fields & AR_FIELD_COUNT)
        p = ar_put_varint(p, d.count);
    if (fields & AR_FIELD_ALIGNMENT)
        p = ar_put_varint(p, d.alignment);
    if (fields & AR_FIELD_THREAD)
        p = ar_put_varint(p, d.thread);
    if (op < AR_THREAD_START && AR_UNLIKELY(ar_recording.latency))
        p = ar_put_varint(p, d.duration);
    t->cursor = p;
    /* Publish: after the bytes, so that whoever reads the file after a kill sees only whole events. */
    __atomic_store_n(&t->tail->length, (uint32_t)(p - (uint8_t *)(t->tail + 1)), __ATOMIC_RELEASE);
}

/* When the real call is entered; asked only where latency is recorded, as it costs a read of the counter. */
static inline uint64_t ar_entered(void)
{
    return AR_UNLIKELY(ar_recording.latency) ? ar_now() : 0;
}

/* An acquisition, after the real call, which took from `entered` to now. */
static inline __attribute__((always_inline)) void ar_acquired(struct ar_thread *t, enum ar_op op, const void *block,
                                                              size_t size, size_t count, size_t alignment,
                                                              uint64_t entered)
{
    if (ar_sampled(block) && ar_begin(t)) {
        uint64_t now = ar_now();
        ar_event(t, op, (struct ar_details){block, size, count, alignment, 0, now, now - entered});
        ar_end(t);
    }
}

/* A release, before the real call. With latency the event is only stamped now, and written by ar_released when its
 * duration is known: then this returns true and the flag stays up. */
static inline __attribute__((always_inline)) bool ar_releasing(struct ar_thread *t, enum ar_op op, const void *block,
                                                               size_t size, size_t alignment, uint64_t *entered)
{
    if (!ar_sampled(block) || !ar_begin(t))
        return false;
    *entered = ar_now();
    if (AR_UNLIKELY(ar_recording.latency))
        return true;
    ar_event(t, op, (struct ar_details){block, size, 1, alignment, 0, *entered, 0});
    ar_end(t);
    return false;
}

static inline __attribute__((always_inline)) void ar_released(struct ar_thread *t, enum ar_op op, const void *block,
                                                              size_t size, size_t alignment, uint64_t entered)
{
    ar_event(t, op, (struct ar_details){block, size, 1, alignment, 0, entered, ar_now() - entered});
    ar_end(t);
}

#endif
