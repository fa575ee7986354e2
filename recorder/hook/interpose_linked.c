/* Functions of allocators that are reached by a detour or by a stub. One body for each shape: which function it is
 * comes as a sixth argument, which none of them has (detour.h).
 *
 * As in interpose.c, the guard stays up across the real call: what one of them asks of another is one call of the
 * program's. */
#include <string.h>

#include "inside.h"
#include "linked.h"
#include "reallocate.h"

#define ARGUMENTS uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, const struct ar_linked *f
#define REAL f->real(a, b, c, d, e)
#define CALLER __builtin_return_address(0)

/* Whether the call is to be recorded: from there, or NULL of a release. In the function that was called, as its frame
 * is asked for. */
#define IS_PROGRAMS(t, caller) (AR_LIKELY(!(t)->busy) || ar_is_programs(t, caller, __builtin_frame_address(0)))

struct request {
    size_t size, count, alignment;
};

static inline struct request request_of(const struct ar_linked *f, const uintptr_t arguments[AR_IS_1 + 1])
{
    const size_t size = f->size <= AR_IS_1 ? arguments[f->size] : 0;
    if (f->alignment != AR_IS_FLAGS)
        return (struct request){size, arguments[f->count], arguments[f->alignment]};
    const unsigned logarithm = arguments[1] & 63; /* MALLOCX_ALIGN; 0: none was asked for */
    return (struct request){size, arguments[f->count], logarithm ? (size_t)1 << logarithm : 0};
}

/* An alignment that any block has is none that was asked for. Where the kind has no number of elements, the size is
 * that of all. */
static inline enum ar_op op_of(const struct ar_linked *f, struct request *r)
{
    const bool is_plain = f->op == AR_MALLOC || f->op == AR_CALLOC;
    const enum ar_op op = r->alignment > 16 && is_plain ? AR_MEMALIGN : (enum ar_op)f->op;
    if (!(ar_fields(op) & AR_FIELD_COUNT)) {
        r->size *= r->count;
        r->count = 1;
    }
    return op;
}

static uintptr_t take(ARGUMENTS)
{
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, CALLER))
        return REAL;
    const uint8_t busy = t->busy;
    const uintptr_t frame = t->operator_frame;
    if (f->throws)
        t->operator_frame = (uintptr_t)__builtin_frame_address(0);
    t->busy = f->throws ? AR_BUSY_NEW : AR_BUSY;
    const uint64_t entered = ar_entered();
    const uintptr_t block = REAL;
    t->busy = AR_BUSY;
    struct request r = request_of(f, (const uintptr_t[]){a, b, c, d, e, 0, 1});
    if (f->size == AR_IS_TEXT && block)
        r.size = strlen((const char *)block) + 1;
    const enum ar_op op = op_of(f, &r);
    ar_acquired(t, op, (void *)block, r.size, r.count, r.alignment, entered);
    t->operator_frame = frame;
    t->busy = busy;
    return block;
}

static uintptr_t take_into(ARGUMENTS)
{
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, CALLER))
        return REAL;
    const uint8_t busy = t->busy;
    t->busy = AR_BUSY;
    const uint64_t entered = ar_entered();
    const uintptr_t error = REAL;
    const struct request r = request_of(f, (const uintptr_t[]){a, b, c, d, e, 0, 1});
    ar_acquired(t, f->op, (int)error ? NULL : *(void **)a, r.size, r.count, r.alignment, entered);
    t->busy = busy;
    return error;
}

static uintptr_t resize(ARGUMENTS)
{
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, CALLER))
        return REAL;
    const uint8_t busy = t->busy;
    const uintptr_t arguments[] = {a, b, c, d, e, 0, 1};
    const struct request r = request_of(f, arguments);
    void *const old = (void *)arguments[f->block];
    bool held;
    t->busy = AR_BUSY;
    const bool wanted = ar_reallocating(t, old, &held);
    const uint64_t entered = wanted ? ar_now() : ar_entered();
    void *const block = (void *)REAL;
    ar_reallocated(t, (struct ar_reallocation){f->op, f->op + 1u, old, block, r.size, r.count, entered}, held, wanted);
    t->busy = busy;
    return (uintptr_t)block;
}

static uintptr_t give(ARGUMENTS)
{
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, NULL))
        return REAL;
    const uint8_t busy = t->busy;
    const uintptr_t arguments[] = {a, b, c, d, e, 0, 1};
    const struct request r = request_of(f, arguments);
    const void *const block = (const void *)arguments[f->block];
    uint64_t entered;
    t->busy = AR_BUSY;
    const bool timed = ar_releasing(t, f->op, block, r.size, r.alignment, &entered);
    const uintptr_t result = REAL;
    if (AR_UNLIKELY(timed))
        ar_released(t, f->op, block, r.size, r.alignment, entered);
    t->busy = busy;
    return result;
}

const void *const ar_linked_handlers[] = {
    [AR_LINKED_TAKE] = (const void *)take,
    [AR_LINKED_TAKE_INTO] = (const void *)take_into,
    [AR_LINKED_RESIZE] = (const void *)resize,
    [AR_LINKED_GIVE] = (const void *)give,
};
