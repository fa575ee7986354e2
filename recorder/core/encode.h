/* One event into the thread's tail. The layout is drawn above EventDecoder in formats/Recording/EventDecoder.cs. */
#ifndef ALLOCREPLAY_ENCODE_H
#define ALLOCREPLAY_ENCODE_H

#include "recording.h"

/* One event, stamped `now`, that took `duration` where latency is recorded. */
struct ar_details {
    const void *address;
    uint64_t size, count, alignment;
    uint32_t thread;
    uint64_t now, duration;
    uint32_t stack; /* AR_NODE_NONE: not known */
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
void ar_event(struct ar_thread *t, enum ar_op op, struct ar_details d);

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

/* Writes the event of a malloc or a free where the short form holds it, without latency. `op` is a constant at every
 * call, and so is `stacked`: whether a stack follows. What follows the test is nearly every event of a busy program,
 * without a branch that depends on the data: it was two nanoseconds a call faster than varints throughout. */
static inline __attribute__((always_inline)) bool ar_event_short(struct ar_thread *t, enum ar_op op, const void *block,
                                                                 size_t size, uint64_t now, bool stacked,
                                                                 uint32_t stack)
{
    const bool sized = ar_fields(op) & AR_FIELD_SIZE;
    uint64_t delta = now - t->ticks; /* huge where the counter ran backwards */
    int64_t difference = (int64_t)((uint64_t)block - t->address);
    if (AR_UNLIKELY(delta >= AR_SHORT_TIME || !block || !ar_is_near(difference) || (sized && size >= 1 << 14)))
        return false;
    uint8_t *p = t->cursor;
    uint32_t word = ar_short_word(op, delta, difference);
    __builtin_memcpy(p, &word, sizeof word);
    p += sizeof word;
    if (sized) {
        /* A varint of one or two bytes; where it is one, the second is overwritten by the next event. */
        unsigned two = size >= 0x80;
        uint16_t varint = (uint16_t)(size + (size & 0x3f80) + (two << 7));
        __builtin_memcpy(p, &varint, sizeof varint);
        p += 1 + two;
    }
    if (stacked) {
        for (; stack >= 0x80; stack >>= 7)
            *p++ = (uint8_t)(stack | 0x80);
        *p++ = (uint8_t)stack;
    }
    t->address = (uint64_t)block;
    ar_publish(t, p, now);
    return true;
}

#endif
