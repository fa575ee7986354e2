/* One event of any kind. The frequent ones are written inline, in encode.h. */
#include "encode.h"

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

static uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static uint8_t *put_short(uint8_t *p, enum ar_op op, uint64_t delta, int64_t difference)
{
    const bool fits = delta < AR_SHORT_TIME;
    uint32_t word = ar_short_word(op, fits ? delta : AR_SHORT_TIME, difference);
    __builtin_memcpy(p, &word, sizeof word);
    p += sizeof word;
    return fits ? p : put_varint(p, delta);
}

static uint8_t *put_long(uint8_t *p, enum ar_op op, uint64_t delta, const void *address, int64_t difference)
{
    const bool addressed = ar_fields(op) & AR_FIELD_ADDRESS, raw = difference % AR_ADDRESS_UNIT != 0;
    p = put_varint(p, delta << AR_CODE_BITS | AR_CODE_LONG);
    *p++ = (uint8_t)(op | (addressed && !address ? AR_OP_NULL : 0) | (addressed && address && raw ? AR_OP_RAW : 0));
    return addressed && address ? put_varint(p, zigzag(raw ? difference : difference / AR_ADDRESS_UNIT)) : p;
}

void ar_event(struct ar_thread *t, enum ar_op op, struct ar_details d)
{
    const unsigned fields = ar_fields(op);
    /* A thread that moved to another core may read a counter slightly behind. Time never runs backwards in a stream. */
    uint64_t delta = d.now > t->ticks ? d.now - t->ticks : 0;
    int64_t difference = (int64_t)((uint64_t)d.address - t->address);
    /* As a thread ends, the C library frees what it may have allocated for it, mostly null. That is no call of the
     * program. */
    if ((fields & AR_FIELD_ADDRESS) && !d.address && t->exited)
        return;
    uint8_t *p = op < AR_CODE_LONG && d.address && ar_is_near(difference)
                     ? put_short(t->cursor, op, delta, difference)
                     : put_long(t->cursor, op, delta, d.address, difference);
    if (fields & AR_FIELD_SIZE)
        p = put_varint(p, d.size);
    if (fields & AR_FIELD_COUNT)
        p = put_varint(p, d.count);
    if (fields & AR_FIELD_ALIGNMENT)
        p = put_varint(p, d.alignment);
    if (fields & AR_FIELD_THREAD)
        p = put_varint(p, d.thread);
    const unsigned optional = fields & ar_recording.optional_fields;
    if (optional & AR_FIELD_DURATION)
        p = put_varint(p, d.duration);
    if (optional & (AR_FIELD_STACK | AR_FIELD_FREE_STACK))
        p = put_varint(p, d.stack);
    if ((fields & AR_FIELD_ADDRESS) && d.address)
        t->address = (uint64_t)d.address;
    ar_publish(t, p, t->ticks + delta);
}
