/* One event into the thread's tail. The layout is drawn above EventDecoder in formats/Recording/EventDecoder.cs. */
#ifndef ALLOCREPLAY_ENCODE_H
#define ALLOCREPLAY_ENCODE_H

#include "hook.h"

/* Defined by the litmus build of the tests only, to widen the windows that ar_begin argues about. */
#ifndef AR_LITMUS_BEFORE_RAISE
#define AR_LITMUS_BEFORE_RAISE() ((void)0)
#define AR_LITMUS_BEFORE_WRITE(control) ((void)0)
#endif

/* True when the thread may write events now, until ar_end.
 *
 * The thread raises its flag, then reads the state; a controlling process writes the state, then reads the flags. With
 * a full fence between the two on either side, one of them sees the other: either the thread sees that recording is
 * stopped, or the controller sees the flag and waits for it. Our side has none, as a fence costs as much as the rest of
 * the event: the controller's membarrier makes every running thread execute one, between its store and its reads. See
 * docs/design/control.md. */
static inline bool ar_begin(struct ar_thread *t)
{
    struct ar_process *h = ar_recording.header;
    if (AR_LIKELY(h && h == t->header)) {
        AR_LITMUS_BEFORE_RAISE();
        __atomic_store_n(&t->tail->inside, 1, __ATOMIC_RELAXED);
        atomic_signal_fence(memory_order_seq_cst);
        if (AR_LIKELY(__atomic_load_n(&h->control, __ATOMIC_RELAXED) == t->interval && t->cursor <= t->limit)) {
            AR_LITMUS_BEFORE_WRITE(&h->control);
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

/* AR_FIELD_* of a kind: with a constant kind, a constant. */
static inline __attribute__((always_inline)) unsigned ar_fields(enum ar_op op)
{
    static const uint8_t fields[64] = {
#define AR_OP_FIELDS(code, name, fields) [code] = fields,
        AR_OPS(AR_OP_FIELDS)
#undef AR_OP_FIELDS
    };
    return fields[op];
}

/* Makes the event at the cursor part of the tail. */
static inline void ar_publish(struct ar_thread *t, uint8_t *end, uint64_t ticks)
{
    t->ticks = ticks;
    t->cursor = end;
    /* After the bytes, so that whoever reads the file after a kill sees only whole events. */
    __atomic_store_n(&t->tail->length, (uint32_t)(end - (uint8_t *)(t->tail + 1)), __ATOMIC_RELEASE);
}

/* Writes any event, in the shortest form that can hold it. */
void ar_event_any(struct ar_thread *t, enum ar_op op, const struct ar_details *d);

/* The difference to the last address, where the short form can hold it: a multiple of the unit that, in units, has 24
 * bits with its sign. */
static inline bool ar_is_near(int64_t difference)
{
    return difference % AR_ADDRESS_UNIT == 0 && (uint64_t)(difference + AR_SHORT_REACH) < 2 * (uint64_t)AR_SHORT_REACH;
}

static inline uint32_t ar_short_word(enum ar_op op, uint64_t delta, int64_t difference)
{
    uint32_t address = (uint32_t)difference * ((1u << AR_SHORT_ADDRESS_BIT) / AR_ADDRESS_UNIT);
    return address | (uint32_t)delta << AR_CODE_BITS | (uint32_t)op;
}

/* Writes one event. `op` is a constant at every call. What follows the first test is nearly every event of a busy
 * program, without a branch that depends on the data: it was two nanoseconds a call faster than varints throughout. */
static inline __attribute__((always_inline)) void ar_event(struct ar_thread *t, enum ar_op op,
                                                           const struct ar_details d)
{
    const unsigned fields = ar_fields(op);
    const bool sized = fields & AR_FIELD_SIZE;
    uint64_t delta = d.now - t->ticks; /* huge where the counter ran backwards */
    int64_t difference = (int64_t)((uint64_t)d.address - t->address);
    if ((op == AR_FREE || op == AR_MALLOC) && AR_LIKELY(delta < AR_SHORT_TIME && d.address && ar_is_near(difference) &&
                                                        (!sized || d.size < 1 << 14) && !ar_recording.latency)) {
        uint8_t *p = t->cursor;
        uint32_t word = ar_short_word(op, delta, difference);
        __builtin_memcpy(p, &word, sizeof word);
        p += sizeof word;
        if (sized) {
            /* A varint of one or two bytes; where it is one, the second is overwritten by the next event. */
            unsigned two = d.size >= 0x80;
            uint16_t size = (uint16_t)(d.size + (d.size & 0x3f80) + (two << 7));
            __builtin_memcpy(p, &size, sizeof size);
            p += 1 + two;
        }
        t->address = (uint64_t)d.address;
        ar_publish(t, p, d.now);
    } else {
        ar_event_any(t, op, &(struct ar_details){d.address, d.size, d.count, d.alignment, d.thread, d.now, d.duration});
    }
}

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

/* An acquisition, after the real call, which took from `entered` to now. */
static inline __attribute__((always_inline)) void ar_acquired(struct ar_thread *t, enum ar_op op, const void *block,
                                                              size_t size, size_t count, size_t alignment,
                                                              uint64_t entered)
{
    if (ar_sampled(block) && ar_begin(t)) {
        uint64_t now = ar_now();
        ar_event(t, op, (struct ar_details){block, size, count, alignment, 0, now, ar_took(entered, now)});
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
    ar_event(t, op, (struct ar_details){block, size, 1, alignment, 0, entered, ar_took(entered, ar_now())});
    ar_end(t);
}

#endif
