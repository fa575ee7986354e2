/* One step up a stack, by the call frame information that compilers leave beside the code (.eh_frame), or by frame
 * pointers where there is none. Nothing here allocates, locks, or asks the kernel or the loader's locked lists; memory
 * is read only where the caller says that it may be.
 *
 * What is followed of a frame is where it continues, its stack pointer and its frame pointer: by these two registers
 * compilers find a caller. Code that keeps it elsewhere ends a walk.
 */
#ifndef ALLOCREPLAY_UNWIND_H
#define ALLOCREPLAY_UNWIND_H

#include "system.h"

/* A frame as it is while it waits for its callee. */
struct ar_frame {
    uint64_t ip; /* where it continues: a return address, or the instruction that a signal interrupted */
    uint64_t sp;
    uint64_t bp;
    bool exact; /* interrupted: `ip` is not behind a call */
};

/* Memory that can be read: of a stack. */
struct ar_extent {
    uint64_t from, to;
};

static inline bool ar_within(const struct ar_extent *extent, uint64_t address)
{
    return address >= extent->from && address < extent->to && extent->to - address >= sizeof(uint64_t);
}

/* How a caller is found, for one value of ip. */
enum ar_unwinding {
    AR_UNWIND_UNKNOWN, /* not looked up yet */
    AR_UNWIND_PLAIN,   /* CFA = sp or bp + constant; the return address is below it, bp there, too, or kept */
    AR_UNWIND_END,     /* a thread's first frame */
    AR_UNWIND_LONG,    /* by an expression: see ar_unwind_long */
    AR_UNWIND_NONE,    /* no such information */
};

/* A rule in a word: what it is (3 bits), whether the CFA is of bp, whether bp is in memory, the CFA's distance to the
 * register (24 bits, bytes), and bp's place, from the CFA (32 bits, signed, bytes). */
typedef uint64_t ar_rule;
#define AR_RULE(kind, of_bp, bp_saved, distance, place)                                                                \
    ((ar_rule)(kind) | (ar_rule)(of_bp) << 3 | (ar_rule)(bp_saved) << 4 | (ar_rule)(distance) << 8 |                   \
     (ar_rule)(uint32_t)(place) << 32)
#define AR_RULE_KIND(rule) ((enum ar_unwinding)((rule)&7))
#define AR_RULE_OF_BP(rule) ((rule) >> 3 & 1)
#define AR_RULE_BP_SAVED(rule) ((rule) >> 4 & 1)
#define AR_RULE_DISTANCE(rule) ((rule) >> 8 & 0xffffff)
#define AR_RULE_PLACE(rule) ((int64_t)(int32_t)((rule) >> 32))

/* Code that is mapped, with its .eh_frame_hdr, and what of it can be read to understand that. */
struct ar_code {
    uint64_t from, to;
    const uint8_t *header; /* NULL: none */
    struct ar_extent tables;
};

/* The rule for a frame of this code. */
ar_rule ar_unwind_rule(const struct ar_code *code, uint64_t ip, bool exact);

/* What code may use below its stack pointer, and a handler's frame leaves free. Whatever a rule says, nothing further
 * down is read: the stack may end there, or not be there yet. */
#define AR_RED_ZONE 128

/* One step by a plain rule. False: it leads out of the stack, or nowhere. */
static inline bool ar_unwind_plain(struct ar_frame *f, ar_rule rule, const struct ar_extent *stack)
{
    uint64_t cfa = (AR_RULE_OF_BP(rule) ? f->bp : f->sp) + AR_RULE_DISTANCE(rule);
    uint64_t place = cfa + (uint64_t)AR_RULE_PLACE(rule);
    if (cfa <= f->sp || cfa % 8 != 0 || !ar_within(stack, cfa - 8) ||
        (AR_RULE_BP_SAVED(rule) && (!ar_within(stack, place) || place + AR_RED_ZONE < f->sp)))
        return false;
    if (AR_RULE_BP_SAVED(rule))
        f->bp = *(const uint64_t *)place;
    f->ip = ((const uint64_t *)cfa)[-1];
    f->sp = cfa;
    f->exact = false;
    return true;
}

/* One step by any rule. The caller's frame may be elsewhere, as that of a handler's. */
bool ar_unwind_long(const struct ar_code *code, struct ar_frame *f, const struct ar_extent *stack);

/* One step by the frame pointer. False: it is none. */
bool ar_unwind_by_pointer(struct ar_frame *f, const struct ar_extent *stack);

#endif
