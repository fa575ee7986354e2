/* One event into the thread's tail. The layout is drawn above EventDecoder in formats/Recording/EventDecoder.cs. */
#ifndef ALLOCREPLAY_ENCODE_H
#define ALLOCREPLAY_ENCODE_H

#include "hook.h"

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

/* True when the thread may write an event now. */
static inline bool ar_begin(struct ar_thread *t)
{
    return AR_LIKELY(t->epoch == ar_recording.epoch && t->cursor <= t->limit && t->epoch != 0) || ar_thread_ready(t);
}

/* Writes one event. `op` is a constant at every call, so each caller keeps only the branches that it needs. */
static inline __attribute__((always_inline)) void ar_event(struct ar_thread *t, enum ar_op op, const void *address,
                                                           uint64_t size, uint64_t count, uint64_t alignment,
                                                           uint32_t thread)
{
    static const uint8_t fields_of[64] = {
#define AR_OP_FIELDS(code, name, fields) [code] = fields,
        AR_OPS(AR_OP_FIELDS)
#undef AR_OP_FIELDS
    };
    const unsigned fields = fields_of[op];
    uint8_t *p = t->cursor;
    uint64_t now = ar_ticks() >> ar_recording.tick_shift;
    /* A thread that moved to another core may read a counter slightly behind. Time never runs backwards in a stream. */
    uint64_t delta = AR_LIKELY(now > t->ticks) ? now - t->ticks : 0;
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
        p = ar_put_varint(p, size);
    if (fields & AR_FIELD_COUNT)
        p = ar_put_varint(p, count);
    if (fields & AR_FIELD_ALIGNMENT)
        p = ar_put_varint(p, alignment);
    if (fields & AR_FIELD_THREAD)
        p = ar_put_varint(p, thread);
    t->cursor = p;
    /* Publish: after the bytes, so that whoever reads the file after a kill sees only whole events. */
    __atomic_store_n(&t->tail->length, (uint32_t)(p - (uint8_t *)(t->tail + 1)), __ATOMIC_RELEASE);
}

#endif
