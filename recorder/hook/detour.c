/* Why a function's first bytes may be replaced:
 *
 * - Whole instructions are moved, and those only that are known here; what is relative to its place is made anew.
 * - Nothing of the function jumps to behind its first byte and before the end of what is moved: its body is looked
 *   through for such a jump. One to the first byte is a call like others.
 * - No thread is between the instructions that go: this one is alone, or all were stopped elsewhere (recorder/Attach).
 *   So the five bytes need not change at once. They lie in one page: who attaches changes them by one call of the
 *   kernel's, which is done or not done, whatever becomes of who asked. */
#include "detour.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "system.h"

#if defined(__x86_64__)

#define ROOM ((size_t)32 << 10)
#ifndef LOOKED_AT
#define LOOKED_AT ((size_t)64 << 10) /* of a function, for jumps to its beginning */
#endif
#define JUMP_SIZE 5
#define PAGE ((size_t)4096)
#define STUB_SIZE 32
#define TRAMPOLINE_SIZE 64
#define INSTRUCTION_MAX 15

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* ---- instructions ---- */

enum kind { PLAIN, DATA, BRANCH, JUMP, CALL };

struct instruction {
    enum kind kind; /* DATA: memory at a distance from the instruction */
    bool is_last;   /* what follows is reached from elsewhere, if at all */
    bool is_rooted; /* an indirect call: who unwinds the stack has to find the place that it is made from */
    uint8_t length;
    uint8_t at;        /* of the distance: where in the instruction, or 0 */
    uint8_t condition; /* of a branch */
    int32_t distance;
};

enum operands {
    UNKNOWN,
    NONE,
    MODRM = 1 << 1,
    BYTE = 1 << 2,
    LONG = 1 << 3, /* 32 bits, or 16 with a prefix */
};

/* What compilers make of whole numbers, addresses and SSE registers. All else is unknown, and so not moved. */
static int operands_of_one(uint8_t op)
{
    switch (op) {
    case 0x50 ... 0x5f: /* push, pop */
    case 0x90 ... 0x99:
    case 0xc3: /* ret */
    case 0xc9: /* leave */
    case 0xcc:
        return NONE;
    case 0x63: /* movslq */
    case 0x84 ... 0x8b:
    case 0x8d: /* lea */
    case 0xd0 ... 0xd3:
    case 0xf6 ... 0xf7:
    case 0xfe ... 0xff:
        return MODRM;
    case 0x6b:
    case 0x80:
    case 0x83:
    case 0xc0 ... 0xc1:
    case 0xc6:
        return MODRM | BYTE;
    case 0x69:
    case 0x81:
    case 0xc7:
        return MODRM | LONG;
    case 0x6a:
    case 0x70 ... 0x7f: /* branches */
    case 0xa8:
    case 0xb0 ... 0xb7:
    case 0xeb: /* jmp */
        return BYTE;
    case 0x68:
    case 0xa9:
    case 0xb8 ... 0xbf:
    case 0xe8 ... 0xe9: /* call, jmp */
        return LONG;
    }
    if (op < 0x40) /* add, or, adc, sbb, and, sub, xor, cmp */
        return (op & 7) < 4 ? MODRM : (op & 7) == 4 ? BYTE : (op & 7) == 5 ? LONG : UNKNOWN;
    return UNKNOWN;
}

static int operands_of_two(uint8_t op)
{
    switch (op) {
    case 0x0b: /* ud2 */
    case 0xa2:
    case 0xc8 ... 0xcf: /* bswap */
        return NONE;
    case 0x0d: /* prefetch */
    case 0x10 ... 0x18:
    case 0x1e ... 0x1f: /* endbr64, nop */
    case 0x28 ... 0x2f:
    case 0x40 ... 0x4f: /* cmov */
    case 0x50 ... 0x6f:
    case 0x74 ... 0x76:
    case 0x7e ... 0x7f:
    case 0x90 ... 0x9f: /* set */
    case 0xa3:
    case 0xab:
    case 0xaf:
    case 0xb0 ... 0xb1:
    case 0xb3:
    case 0xb6 ... 0xb7:
    case 0xbb ... 0xbf:
    case 0xc0 ... 0xc1:
    case 0xd0 ... 0xfe:
        return MODRM;
    case 0x70:
    case 0xa4:
    case 0xac:
    case 0xba:
    case 0xc6:
        return MODRM | BYTE;
    case 0x80 ... 0x8f: /* branches */
        return LONG;
    }
    return UNKNOWN;
}

/* `p` has INSTRUCTION_MAX bytes. False: not known. */
static bool read_instruction(const uint8_t *p, struct instruction *i)
{
    size_t n = 0;
    bool is_short = false, is_wide = false;
    *i = (struct instruction){0};
    for (; n < 4 && (p[n] == 0x66 || p[n] == 0xf0 || p[n] == 0xf2 || p[n] == 0xf3 || p[n] == 0x2e || p[n] == 0x3e ||
                     p[n] == 0x64 || p[n] == 0x65);
         n++)
        is_short |= p[n] == 0x66;
    if ((p[n] & 0xf0) == 0x40)
        is_wide = p[n++] & 8;
    uint8_t op = p[n++];
    const bool is_two = op == 0x0f;
    if (is_two)
        op = p[n++];
    int operands = is_two ? operands_of_two(op) : operands_of_one(op);
    if (operands == UNKNOWN)
        return false;
    if (operands & MODRM) {
        const uint8_t mode = p[n] >> 6, base = p[n] & 7, what = p[n] >> 3 & 7;
        n++;
        const uint8_t index = p[n];
        if (mode != 3 && base == 4)
            n++;
        if (mode == 0 && base == 5) {
            i->kind = DATA;
            i->at = (uint8_t)n;
        }
        n += mode == 1 ? 1 : mode == 2 || (mode == 0 && (base == 5 || (base == 4 && (index & 7) == 5))) ? 4 : 0;
        if (!is_two && (op == 0xf6 || op == 0xf7))
            operands |= what < 2 ? (op == 0xf6 ? BYTE : LONG) : 0;
        i->is_last = !is_two && op == 0xff && (what == 4 || what == 5); /* an indirect jump */
        i->is_rooted = !is_two && op == 0xff && (what == 2 || what == 3);
        if (!is_two && (op == 0xc6 || op == 0xc7) && what != 0)
            return false; /* the beginning of a transaction leads to where it goes when that fails */
    }
    const bool is_branch = is_two ? (op & 0xf0) == 0x80 : (op & 0xf0) == 0x70;
    const bool is_jump = !is_two && (op == 0xeb || op == 0xe9);
    const bool is_call = !is_two && op == 0xe8;
    if (is_branch || is_jump || is_call) {
        i->kind = is_jump ? JUMP : is_call ? CALL : BRANCH;
        i->condition = op & 15;
        i->at = (uint8_t)n;
    }
    i->is_last |= !is_two && (is_jump || op == 0xc3);
    if (operands & BYTE) {
        if (i->at == n)
            i->distance = (int8_t)p[n];
        n++;
    }
    if (operands & LONG) {
        if (i->at == n && is_short)
            return false;
        n += is_short && !is_wide ? 2 : !is_two && op >= 0xb8 && op <= 0xbf && is_wide ? 8 : 4;
    }
    if (n > INSTRUCTION_MAX)
        return false;
    if (i->at && (i->kind == DATA || operands & LONG))
        memcpy(&i->distance, p + i->at, sizeof i->distance);
    i->length = (uint8_t)n;
    return true;
}

/* ---- where they go ---- */

static struct {
    uint8_t *start;
    size_t used;
} room;

static uint8_t *map_at(uintptr_t at)
{
    long got =
        ar_sys(SYS_mmap, at, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got > -4096 && got <= 0)
        return NULL;
    if ((uintptr_t)got == at)
        return (uint8_t *)got;
    ar_sys(SYS_munmap, got, ROOM); /* a kernel before 4.17 takes the address for a wish */
    return NULL;
}

/* Before the program, where nothing is as a rule: behind it is its heap, which grows. A jump reaches 2 GiB. */
bool ar_detour_room(const struct ar_object *program)
{
    const uintptr_t unit = 64 << 10, reach = (uintptr_t)1 << 30, first = program->start & ~(unit - 1);
    for (uintptr_t away = unit; !room.start && away < reach && away + unit < first; away *= 2)
        room.start = map_at(first - away);
    for (uintptr_t away = reach; !room.start && away > unit; away /= 2)
        room.start = map_at(((program->end + unit) & ~(unit - 1)) + away);
    return room.start != NULL;
}

bool ar_detour_seal(void)
{
    return room.start && mprotect(room.start, ROOM, PROT_READ | PROT_EXEC) == 0;
}

static bool put_distance(uint8_t *at, const uint8_t *from, const uint8_t *target)
{
    const int64_t distance = target - from;
    const int32_t encoded = (int32_t)distance;
    memcpy(at, &encoded, sizeof encoded);
    return encoded == distance;
}

void *ar_stub(const void *handler, const void *context)
{
    uint8_t *code = room.start + room.used;
    if (!room.start || room.used + STUB_SIZE > ROOM)
        return NULL;
    room.used += STUB_SIZE;
    uint8_t *p = code;
    const uint64_t what = (uintptr_t)context;
    memcpy(p, "\xc7\x44\x24\x80", 4); /* movl $context, -128(%rsp); its upper half, -124(%rsp) */
    memcpy(p + 4, &what, 4);
    memcpy(p + 8, "\xc7\x44\x24\x84", 4);
    memcpy(p + 12, (const uint8_t *)&what + 4, 4);
    p += 16;
    memcpy(p, "\xff\x25\0\0\0\0", 6); /* jmp *0(%rip) */
    memcpy(p + 6, &handler, sizeof handler);
    return code;
}

/* Of the function's bytes, up to the end of its object; zeros behind. */
static void copy_code(uint8_t bytes[INSTRUCTION_MAX], const uint8_t *from, const struct ar_object *program)
{
    const size_t left = program->end - (uintptr_t)from;
    memset(bytes, 0, INSTRUCTION_MAX);
    memcpy(bytes, from, left < INSTRUCTION_MAX ? left : INSTRUCTION_MAX);
}

/* Whether something in the function's body leads into what was moved. Where an instruction is not known, each byte that
 * follows may begin one. */
static bool is_jumped_into(const struct ar_symbol *function, const struct ar_object *program, size_t moved)
{
    const uint8_t *const start = function->address;
    const size_t size = function->size < LOOKED_AT ? function->size : LOOKED_AT;
    bool is_lost = false;
    for (size_t at = moved; at < size;) {
        uint8_t bytes[INSTRUCTION_MAX];
        struct instruction i;
        copy_code(bytes, start + at, program);
        const bool is_known = read_instruction(bytes, &i);
        is_lost |= !is_known;
        const bool counts = !is_known && bytes[0] >= 0xe0 && bytes[0] <= 0xe3; /* loop, jrcxz */
        if (counts || (is_known && (i.kind == BRANCH || i.kind == JUMP))) {
            const int64_t target = (int64_t)at + (counts ? 2 + (int8_t)bytes[1] : i.length + i.distance);
            if (target > 0 && target < (int64_t)moved)
                return true;
        }
        at += is_known && !is_lost ? i.length : 1;
    }
    return false;
}

/* push $low; mov $high, 4(%rsp) */
static uint8_t *put_return_address(uint8_t *p, uintptr_t address)
{
    const uint32_t low = (uint32_t)address, high = (uint32_t)(address >> 32);
    p[0] = 0x68;
    memcpy(p + 1, &low, sizeof low);
    memcpy(p + 5, "\xc7\x44\x24\x04", 4);
    memcpy(p + 9, &high, sizeof high);
    return p + 13;
}

void *ar_detour_prepare(const struct ar_symbol *function, const struct ar_object *program, const void *stub,
                        struct ar_detour *detour)
{
    const uint8_t *const start = function->address;
    uint8_t *code = room.start + room.used, *p = code;
    if (!room.start || room.used + TRAMPOLINE_SIZE > ROOM || (uintptr_t)start % PAGE > PAGE - sizeof detour->before)
        return NULL;
    size_t moved = 0;
    bool is_over = false, reaches = true;
    const uint8_t *inside = NULL; /* the first place behind the beginning to which what is moved leads */
    while (moved < JUMP_SIZE) {
        uint8_t bytes[INSTRUCTION_MAX];
        struct instruction i;
        copy_code(bytes, start + moved, program);
        if (is_over || !read_instruction(bytes, &i) || i.is_rooted || moved + i.length > function->size)
            return NULL;
        const uint8_t *next = start + moved + i.length, *target = next + i.distance;
        if (i.kind >= BRANCH && i.kind <= CALL && target > start && (!inside || target < inside))
            inside = target;
        switch (i.kind) {
        case PLAIN:
            memcpy(p, bytes, i.length);
            p += i.length;
            break;
        case DATA:
            memcpy(p, bytes, i.length);
            reaches &= put_distance(p + i.at, p + i.length, target);
            p += i.length;
            break;
        case BRANCH:
            p[0] = 0x0f;
            p[1] = 0x80 | i.condition;
            reaches &= put_distance(p + 2, p + 6, target);
            p += 6;
            break;
        case CALL:
            /* As if it had been called where it was: it returns there, behind what was moved, so that whoever unwinds
             * the stack meanwhile finds the function on it. */
            p = put_return_address(p, (uintptr_t)next);
            /* fallthrough */
        case JUMP:
            p[0] = 0xe9;
            reaches &= put_distance(p + 1, p + 5, target);
            p += 5;
            break;
        }
        is_over = i.is_last || i.kind == CALL;
        moved += i.length;
    }
    if (!is_over) {
        p[0] = 0xe9;
        reaches &= put_distance(p + 1, p + 5, start + moved);
    }
    uint8_t jump[sizeof detour->after];
    memcpy(jump, start, sizeof jump);
    detour->function = (uintptr_t)start;
    memcpy(&detour->before, jump, sizeof jump);
    jump[0] = 0xe9;
    reaches &= put_distance(jump + 1, start + JUMP_SIZE, stub);
    memcpy(&detour->after, jump, sizeof jump);
    if (!reaches || (inside && inside < start + moved) || is_jumped_into(function, program, moved))
        return NULL;
    room.used += TRAMPOLINE_SIZE;
    return code;
}

const void *ar_goes_on_to(const struct ar_symbol *function, const struct ar_object *program)
{
    const uint8_t *start = function->address;
    uint8_t bytes[INSTRUCTION_MAX];
    struct instruction i;
    copy_code(bytes, start, program);
    const size_t marked = memcmp(bytes, "\xf3\x0f\x1e\xfa", 4) == 0 ? 4 : 0; /* endbr64 */
    copy_code(bytes, start + marked, program);
    return read_instruction(bytes, &i) && i.kind == JUMP ? start + marked + i.length + i.distance : NULL;
}

bool ar_detour_apply(const struct ar_detour *detour)
{
    void *page = (void *)(detour->function & ~(uint64_t)(PAGE - 1));
    const int mapped = ar_protection((const void *)detour->function);
    if (mprotect(page, PAGE, mapped | PROT_WRITE) != 0)
        return false;
    memcpy((void *)detour->function, &detour->after, JUMP_SIZE);
    mprotect(page, PAGE, mapped);
    return true;
}

#else

bool ar_detour_room(const struct ar_object *program)
{
    (void)program;
    return false;
}

void *ar_stub(const void *handler, const void *context)
{
    (void)handler, (void)context;
    return NULL;
}

void *ar_detour_prepare(const struct ar_symbol *function, const struct ar_object *program, const void *stub,
                        struct ar_detour *detour)
{
    (void)function, (void)program, (void)stub, (void)detour;
    return NULL;
}

const void *ar_goes_on_to(const struct ar_symbol *function, const struct ar_object *program)
{
    (void)function, (void)program;
    return NULL;
}

bool ar_detour_seal(void)
{
    return false;
}

bool ar_detour_apply(const struct ar_detour *detour)
{
    (void)detour;
    return false;
}

#endif
