/* Call frame information, as the Linux Standard Base and DWARF 4 have it. Of x86-64: elsewhere there are only frame
 * pointers. What is read is within the object's mapping; its tables may be anything. */
#include "unwind.h"

#include <string.h>

enum { REG_BP = 6, REG_SP = 7, REG_IP = 16 };

/* Bytes of an object, from `at` on. A read past the end gives 0 and leaves `at` there. */
struct bytes {
    const uint8_t *at, *end;
};

static uint64_t get(struct bytes *b, unsigned size)
{
    uint64_t v = 0;
    if ((uint64_t)(b->end - b->at) < size) {
        b->at = b->end;
        return 0;
    }
    memcpy(&v, b->at, size);
    b->at += size;
    return v;
}

static int64_t get_signed(struct bytes *b, unsigned size)
{
    unsigned unused = 64 - 8 * size;
    return (int64_t)(get(b, size) << unused) >> unused;
}

static uint64_t get_uleb(struct bytes *b)
{
    uint64_t v = 0;
    for (unsigned shift = 0; b->at < b->end; shift += 7) {
        uint8_t byte = *b->at++;
        if (shift < 64)
            v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    return v;
}

static int64_t get_sleb(struct bytes *b)
{
    uint64_t v = 0;
    unsigned shift = 0;
    while (b->at < b->end) {
        uint8_t byte = *b->at++;
        if (shift < 64)
            v |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (!(byte & 0x80)) {
            if (shift < 64 && byte & 0x40)
                v |= ~0ull << shift;
            break;
        }
    }
    return (int64_t)v;
}

static void skip(struct bytes *b, uint64_t size)
{
    b->at = size < (uint64_t)(b->end - b->at) ? b->at + size : b->end;
}

/* A pointer as exception tables encode it: the low half says how it is stored, the next bits what it is from. */
enum { PTR_ABSOLUTE = 0, PTR_RELATIVE = 0x10, PTR_OMITTED = 0xff };
static bool get_pointer(struct bytes *b, uint8_t encoding, uint64_t *value)
{
    const uint64_t place = (uint64_t)b->at;
    switch (encoding & 0x0f) {
    case 0x00:
    case 0x04:
    case 0x0c:
        *value = get(b, 8);
        break;
    case 0x01:
        *value = get_uleb(b);
        break;
    case 0x02:
        *value = get(b, 2);
        break;
    case 0x03:
        *value = get(b, 4);
        break;
    case 0x09:
        *value = (uint64_t)get_sleb(b);
        break;
    case 0x0a:
        *value = (uint64_t)get_signed(b, 2);
        break;
    case 0x0b:
        *value = (uint64_t)get_signed(b, 4);
        break;
    default:
        return false;
    }
    if ((encoding & 0x70) == PTR_RELATIVE)
        *value += place;
    return (encoding & 0x70) == PTR_RELATIVE || (encoding & 0x70) == PTR_ABSOLUTE;
}

/* What one FDE, with its CIE, says. */
struct entry {
    uint64_t from, size;
    uint64_t code_align;
    int64_t data_align;
    bool signal; /* a frame of the kernel's making: its caller was interrupted */
    bool augmented;
    uint8_t encoding;
    struct bytes initial, instructions;
};

static bool read_cie(const struct ar_code *code, const uint8_t *at, struct entry *e)
{
    if ((uint64_t)at < code->tables.from || (uint64_t)at >= code->tables.to)
        return false;
    struct bytes b = {at, (const uint8_t *)code->tables.to};
    uint64_t length = get(&b, 4);
    if (length < 8 || length > (uint64_t)(b.end - b.at))
        return false;
    b.end = b.at + length;
    if (get(&b, 4) != 0)
        return false;
    uint8_t version = (uint8_t)get(&b, 1);
    const char *augmentation = (const char *)b.at;
    while (b.at < b.end && *b.at)
        b.at++;
    if (b.at++ >= b.end || (version != 1 && version != 3))
        return false;
    e->code_align = get_uleb(&b);
    e->data_align = get_sleb(&b);
    if ((version == 1 ? get(&b, 1) : get_uleb(&b)) != REG_IP)
        return false;
    e->encoding = PTR_ABSOLUTE;
    e->signal = false;
    e->augmented = augmentation[0] == 'z';
    if (augmentation[0] && !e->augmented)
        return false;
    if (e->augmented) {
        uint64_t size = get_uleb(&b), ignored;
        struct bytes data = b;
        skip(&b, size);
        data.end = b.at;
        for (const char *letter = augmentation + 1; *letter; letter++) {
            if (*letter == 'R')
                e->encoding = (uint8_t)get(&data, 1);
            else if (*letter == 'S')
                e->signal = true;
            else if (*letter == 'L')
                (void)get(&data, 1);
            else if (*letter == 'P') {
                uint8_t encoding = (uint8_t)get(&data, 1);
                if (!get_pointer(&data, encoding & 0x0f, &ignored))
                    return false;
            } else
                return false;
        }
    }
    e->initial = b;
    return true;
}

/* The table is sorted by where functions begin: pairs of that and of their entry, from the header on. */
static bool find_entry(const struct ar_code *code, uint64_t ip, struct entry *e)
{
    struct bytes b = {code->header, (const uint8_t *)code->tables.to};
    uint64_t ignored, count;
    if ((uint64_t)b.at < code->tables.from || b.at >= b.end || get(&b, 1) != 1)
        return false;
    uint8_t frame_encoding = (uint8_t)get(&b, 1), count_encoding = (uint8_t)get(&b, 1), table = (uint8_t)get(&b, 1);
    if (!get_pointer(&b, frame_encoding, &ignored) || !get_pointer(&b, count_encoding, &count) || table != 0x3b ||
        count == 0 || count > (uint64_t)(b.end - b.at) / 8)
        return false;
    const int64_t wanted = (int64_t)(ip - (uint64_t)code->header);
    uint64_t low = 0, high = count; /* the first that begins behind ip is in (low, high] */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int32_t begin;
        memcpy(&begin, b.at + 8 * middle, sizeof begin);
        if (begin <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    int32_t offset;
    memcpy(&offset, b.at + 8 * (low - 1) + 4, sizeof offset);
    const uint8_t *fde = code->header + offset;
    if ((uint64_t)fde < code->tables.from || (uint64_t)fde >= code->tables.to)
        return false;
    struct bytes f = {fde, (const uint8_t *)code->tables.to};
    uint64_t length = get(&f, 4);
    if (length < 8 || length > (uint64_t)(f.end - f.at))
        return false;
    f.end = f.at + length;
    const uint8_t *place = f.at;
    uint64_t back = get(&f, 4);
    if (back == 0 || back > (uint64_t)place - code->tables.from || !read_cie(code, place - back, e))
        return false;
    if (!get_pointer(&f, e->encoding, &e->from) || !get_pointer(&f, e->encoding & 0x0f, &e->size))
        return false;
    if (e->augmented) {
        uint64_t size = get_uleb(&f);
        skip(&f, size);
    }
    e->instructions = f;
    return ip - e->from < e->size;
}

/* Where a register of the caller is. */
enum place { SAME, LOST, AT_OFFSET, IS_OFFSET, AT_EXPRESSION, IS_EXPRESSION };
struct row {
    bool cfa_is_expression;
    uint64_t cfa_register;
    int64_t cfa_offset;
    struct bytes cfa_expression;
    struct saved {
        enum place place;
        int64_t offset;
        struct bytes expression;
    } bp, ip;
};

static struct bytes get_block(struct bytes *b)
{
    uint64_t size = get_uleb(b);
    struct bytes block = *b;
    skip(b, size);
    block.end = b->at;
    return block;
}

static struct saved *saved_of(struct row *row, uint64_t reg)
{
    return reg == REG_BP ? &row->bp : reg == REG_IP ? &row->ip : NULL;
}

static void set_saved(struct row *row, uint64_t reg, enum place place, int64_t offset)
{
    struct saved *s = saved_of(row, reg);
    if (s) {
        s->place = place;
        s->offset = offset;
    }
}

/* Offsets are stored as multiples. */
static int64_t scaled(const struct entry *e, uint64_t n)
{
    return (int64_t)(n * (uint64_t)e->data_align);
}

/* The rows before the one of `ip`, and that one. `initial` is the row that the CIE begins with. */
static bool execute(const struct entry *e, struct bytes b, uint64_t ip, const struct row *initial, struct row *row)
{
    enum { REMEMBERED = 8 };
    struct row remembered[REMEMBERED];
    unsigned depth = 0;
    uint64_t location = e->from, reg;
    while (b.at < b.end) {
        const uint8_t op = (uint8_t)get(&b, 1), low = op & 0x3f;
        switch (op & 0xc0) {
        case 0x40: /* advance_loc */
            location += low * e->code_align;
            if (location > ip)
                return true;
            continue;
        case 0x80: /* offset */
            set_saved(row, low, AT_OFFSET, scaled(e, get_uleb(&b)));
            continue;
        case 0xc0: /* restore */
            if (saved_of(row, low))
                *saved_of(row, low) = *saved_of((struct row *)initial, low);
            continue;
        default:
            break;
        }
        switch (op) {
        case 0x00: /* nop */
            break;
        case 0x01: /* set_loc */
            if (!get_pointer(&b, e->encoding, &location))
                return false;
            if (location > ip)
                return true;
            break;
        case 0x02: /* advance_loc1, 2, 4 */
        case 0x03:
        case 0x04:
            location += get(&b, op == 0x02 ? 1 : op == 0x03 ? 2 : 4) * e->code_align;
            if (location > ip)
                return true;
            break;
        case 0x05: /* offset_extended */
            reg = get_uleb(&b);
            set_saved(row, reg, AT_OFFSET, scaled(e, get_uleb(&b)));
            break;
        case 0x06: /* restore_extended */
            reg = get_uleb(&b);
            if (saved_of(row, reg))
                *saved_of(row, reg) = *saved_of((struct row *)initial, reg);
            break;
        case 0x07: /* undefined */
            set_saved(row, get_uleb(&b), LOST, 0);
            break;
        case 0x08: /* same_value */
            set_saved(row, get_uleb(&b), SAME, 0);
            break;
        case 0x09: /* register */
            reg = get_uleb(&b);
            (void)get_uleb(&b);
            set_saved(row, reg, LOST, 0);
            break;
        case 0x0a: /* remember_state */
            if (depth == REMEMBERED)
                return false;
            remembered[depth++] = *row;
            break;
        case 0x0b: /* restore_state */
            if (depth == 0)
                return false;
            *row = remembered[--depth];
            break;
        case 0x0c: /* def_cfa */
            row->cfa_is_expression = false;
            row->cfa_register = get_uleb(&b);
            row->cfa_offset = (int64_t)get_uleb(&b);
            break;
        case 0x0d: /* def_cfa_register */
            row->cfa_is_expression = false;
            row->cfa_register = get_uleb(&b);
            break;
        case 0x0e: /* def_cfa_offset */
            row->cfa_offset = (int64_t)get_uleb(&b);
            break;
        case 0x0f: /* def_cfa_expression */
            row->cfa_is_expression = true;
            row->cfa_expression = get_block(&b);
            break;
        case 0x10: /* expression, val_expression */
        case 0x16: {
            reg = get_uleb(&b);
            struct bytes block = get_block(&b);
            if (saved_of(row, reg))
                *saved_of(row, reg) = (struct saved){op == 0x10 ? AT_EXPRESSION : IS_EXPRESSION, 0, block};
            break;
        }
        case 0x11: /* offset_extended_sf */
            reg = get_uleb(&b);
            set_saved(row, reg, AT_OFFSET, scaled(e, (uint64_t)get_sleb(&b)));
            break;
        case 0x12: /* def_cfa_sf */
            row->cfa_is_expression = false;
            row->cfa_register = get_uleb(&b);
            row->cfa_offset = scaled(e, (uint64_t)get_sleb(&b));
            break;
        case 0x13: /* def_cfa_offset_sf */
            row->cfa_offset = scaled(e, (uint64_t)get_sleb(&b));
            break;
        case 0x14: /* val_offset, val_offset_sf */
        case 0x15:
            reg = get_uleb(&b);
            set_saved(row, reg, IS_OFFSET, scaled(e, op == 0x14 ? get_uleb(&b) : (uint64_t)get_sleb(&b)));
            break;
        case 0x2e: /* GNU_args_size */
            (void)get_uleb(&b);
            break;
        default:
            return false;
        }
    }
    return true;
}

static bool find_row(const struct ar_code *code, uint64_t ip, struct entry *e, struct row *row)
{
    if (!find_entry(code, ip, e))
        return false;
    struct row initial = {.ip = {.place = LOST}};
    if (!execute(e, e->initial, UINT64_MAX, &(struct row){.ip = {.place = LOST}}, &initial))
        return false;
    *row = initial;
    return execute(e, e->instructions, ip, &initial, row);
}

/* An instruction before a return address: the call may be the last of its function. */
static uint64_t place_of(uint64_t ip, bool exact)
{
    return exact ? ip : ip - 1;
}

ar_rule ar_unwind_rule(const struct ar_code *code, uint64_t ip, bool exact)
{
    struct entry e;
    struct row row;
    if (!find_row(code, place_of(ip, exact), &e, &row)) {
        /* Behind nothing, at a function's first instruction: nobody called from there. It was put there, as makecontext
         * does, for the last frame of a stack to return to. */
        const bool is_end = !exact && find_entry(code, ip, &e) && e.from == ip;
        return AR_RULE(is_end ? AR_UNWIND_END : AR_UNWIND_NONE, 0, 0, 0, 0);
    }
    if (row.ip.place == LOST)
        return AR_RULE(AR_UNWIND_END, 0, 0, 0, 0);
    const bool of_bp = row.cfa_register == REG_BP;
    if (e.signal || row.cfa_is_expression || (!of_bp && row.cfa_register != REG_SP) || row.cfa_offset < 0 ||
        row.cfa_offset > 0xffffff || row.ip.place != AT_OFFSET || row.ip.offset != -8 ||
        (row.bp.place != SAME && row.bp.place != AT_OFFSET) || row.bp.offset != (int32_t)row.bp.offset)
        return AR_RULE(AR_UNWIND_LONG, 0, 0, 0, 0);
    return AR_RULE(AR_UNWIND_PLAIN, of_bp, row.bp.place == AT_OFFSET, row.cfa_offset, row.bp.offset);
}

/* What can be read: from the frame up. */
static bool load(const struct ar_extent *m, uint64_t address, uint64_t *value)
{
    if (!ar_within(m, address))
        return false;
    memcpy(value, (const void *)address, sizeof *value);
    return true;
}

/* The operators that frame information is made of. */
static bool evaluate(struct bytes b, const struct ar_frame *f, const struct ar_extent *m, bool has_cfa, uint64_t cfa,
                     uint64_t *result)
{
    enum { DEPTH = 16 };
    uint64_t stack[DEPTH + 2] = {cfa};
    unsigned n = has_cfa; /* values */
    for (unsigned steps = 0; b.at < b.end; steps++) {
        const uint8_t op = (uint8_t)get(&b, 1);
        uint64_t *top = stack + n; /* behind the last */
        if (n > DEPTH || steps > 100)
            return false;
        if (op >= 0x30 && op <= 0x4f) { /* lit */
            stack[n++] = op - 0x30;
            continue;
        }
        if (op >= 0x70 && op <= 0x8f) { /* breg */
            const unsigned reg = op - 0x70;
            if (reg != REG_BP && reg != REG_SP && reg != REG_IP)
                return false;
            stack[n++] = (reg == REG_BP ? f->bp : reg == REG_SP ? f->sp : f->ip) + (uint64_t)get_sleb(&b);
            continue;
        }
        const unsigned takes = op == 0x06 || op == 0x12 || op == 0x13 || op == 0x23 || op == 0x1f || op == 0x20 ? 1
                               : (op >= 0x16 && op <= 0x2e && op != 0x28)                                       ? 2
                                                                                                                : 0;
        if (n < takes)
            return false;
        switch (op) {
        case 0x06: /* deref */
            if (!load(m, top[-1], &top[-1]))
                return false;
            break;
        case 0x08: /* const1u, 1s, 2u, 2s, 4u, 4s, 8u, 8s */
        case 0x0a:
        case 0x0c:
        case 0x0e:
            stack[n++] = get(&b, 1u << (op - 0x08) / 2);
            break;
        case 0x09:
        case 0x0b:
        case 0x0d:
        case 0x0f:
            stack[n++] = (uint64_t)get_signed(&b, 1u << (op - 0x08) / 2);
            break;
        case 0x10: /* constu, consts */
            stack[n++] = get_uleb(&b);
            break;
        case 0x11:
            stack[n++] = (uint64_t)get_sleb(&b);
            break;
        case 0x12: /* dup */
            stack[n++] = top[-1];
            break;
        case 0x13: /* drop */
            n--;
            break;
        case 0x16: { /* swap */
            uint64_t last = top[-1];
            top[-1] = top[-2];
            top[-2] = last;
            break;
        }
        case 0x1f: /* neg, not */
            top[-1] = -top[-1];
            break;
        case 0x20:
            top[-1] = ~top[-1];
            break;
        case 0x23: /* plus_uconst */
            top[-1] += get_uleb(&b);
            break;
        case 0x1a: /* of two: and, minus, mul, or, plus, shl, shr, shra, xor, and comparisons */
        case 0x1c:
        case 0x1e:
        case 0x21:
        case 0x22:
        case 0x24:
        case 0x25:
        case 0x26:
        case 0x27:
        case 0x29:
        case 0x2a:
        case 0x2b:
        case 0x2c:
        case 0x2d:
        case 0x2e: {
            const uint64_t y = top[-1], x = top[-2];
            const int64_t sy = (int64_t)y, sx = (int64_t)x;
            top[-2] = op == 0x1a   ? x & y
                      : op == 0x1c ? x - y
                      : op == 0x1e ? x * y
                      : op == 0x21 ? x | y
                      : op == 0x22 ? x + y
                      : op == 0x24 ? (y < 64 ? x << y : 0)
                      : op == 0x25 ? (y < 64 ? x >> y : 0)
                      : op == 0x26 ? (uint64_t)(sx >> (y < 64 ? y : 63))
                      : op == 0x27 ? x ^ y
                      : op == 0x29 ? sx == sy
                      : op == 0x2a ? sx >= sy
                      : op == 0x2b ? sx > sy
                      : op == 0x2c ? sx <= sy
                      : op == 0x2d ? sx < sy
                                   : sx != sy;
            n--;
            break;
        }
        default:
            return false;
        }
    }
    *result = n ? stack[n - 1] : 0;
    return n > 0;
}

static bool restore(const struct saved *s, const struct ar_frame *f, const struct ar_extent *m, uint64_t cfa,
                    uint64_t now, uint64_t *value)
{
    uint64_t at;
    switch (s->place) {
    case SAME:
        *value = now;
        return true;
    case AT_OFFSET:
        return load(m, cfa + (uint64_t)s->offset, value);
    case IS_OFFSET:
        *value = cfa + (uint64_t)s->offset;
        return true;
    case AT_EXPRESSION:
        return evaluate(s->expression, f, m, true, cfa, &at) && load(m, at, value);
    case IS_EXPRESSION:
        return evaluate(s->expression, f, m, true, cfa, value);
    default:
        *value = 0;
        return true;
    }
}

bool ar_unwind_long(const struct ar_code *code, struct ar_frame *f, const struct ar_extent *stack)
{
    struct entry e;
    struct row row;
    if (!ar_within(stack, f->sp))
        return false;
    const struct ar_extent m = {f->sp - stack->from < AR_RED_ZONE ? stack->from : f->sp - AR_RED_ZONE, stack->to};
    struct ar_frame up = *f;
    uint64_t cfa;
    if (!find_row(code, place_of(f->ip, f->exact), &e, &row) || row.ip.place == LOST)
        return false;
    if (row.cfa_is_expression) {
        if (!evaluate(row.cfa_expression, f, &m, false, 0, &cfa))
            return false;
    } else {
        if (row.cfa_register != REG_BP && row.cfa_register != REG_SP)
            return false;
        cfa = (row.cfa_register == REG_BP ? f->bp : f->sp) + (uint64_t)row.cfa_offset;
    }
    if (!restore(&row.ip, f, &m, cfa, f->ip, &up.ip) || !restore(&row.bp, f, &m, cfa, f->bp, &up.bp))
        return false;
    /* Only a handler's caller may be elsewhere, or lower. */
    if (!e.signal && cfa <= f->sp)
        return false;
    up.sp = cfa;
    up.exact = e.signal;
    *f = up;
    return true;
}

bool ar_unwind_by_pointer(struct ar_frame *f, const struct ar_extent *stack)
{
    const uint64_t bp = f->bp;
    if (bp < f->sp || bp % 8 != 0 || !ar_within(stack, bp) || !ar_within(stack, bp + 8))
        return false;
    f->bp = ((const uint64_t *)bp)[0];
    f->ip = ((const uint64_t *)bp)[1];
    f->sp = bp + 16;
    f->exact = false;
    return true;
}
