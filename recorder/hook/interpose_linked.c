/* Functions of allocators that are reached by a detour or by a stub. One body for each shape: which function it is
 * comes as a sixth argument, which none of them has, from the stub by way of the stack (detour.h).
 *
 * As in interpose.c, the guard stays up across the real call: what one of them asks of another is one call of the
 * program's. Registers are kept: registers.h, which comes first. */
#include "registers.h"

#include <string.h>

#include "inside.h"
#include "linked.h"
#include "reallocate.h"

#define ARGUMENTS uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, const struct ar_linked *f
#define LEAVE(result) leave(&v, result)
#define REAL real(f, &v, a, b, c, d, e)

/* Whether the call is to be recorded: from there, or NULL of a release. In the function that was called, as its frame
 * is asked for. */
#define IS_PROGRAMS(t, caller) (AR_LIKELY(!(t)->busy) || ar_is_programs(t, caller, __builtin_frame_address(0)))

/* The real function has its caller's registers, where it takes more than numbers, and its own are what the caller gets.
 */
static inline __attribute__((always_inline)) uintptr_t
real(const struct ar_linked *f, struct ar_vectors *v, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e)
{
    ar_put_back(v);
    const uintptr_t result = f->real(a, b, c, d, e);
    ar_keep(v);
    return result;
}

static inline __attribute__((always_inline)) uintptr_t leave(const struct ar_vectors *v, uintptr_t result)
{
    ar_put_back(v);
    return result;
}

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

static AR_ENTERED uintptr_t take(ARGUMENTS)
{
    struct ar_vectors v;
    ar_keep(&v);
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, AR_CALLER))
        return LEAVE(REAL);
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
    return LEAVE(block);
}

static AR_ENTERED uintptr_t take_into(ARGUMENTS)
{
    struct ar_vectors v;
    ar_keep(&v);
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, AR_CALLER))
        return LEAVE(REAL);
    const uint8_t busy = t->busy;
    t->busy = AR_BUSY;
    const uint64_t entered = ar_entered();
    const uintptr_t error = REAL;
    const struct request r = request_of(f, (const uintptr_t[]){a, b, c, d, e, 0, 1});
    ar_acquired(t, f->op, (int)error ? NULL : *(void **)a, r.size, r.count, r.alignment, entered);
    t->busy = busy;
    return LEAVE(error);
}

static AR_ENTERED uintptr_t resize(ARGUMENTS)
{
    struct ar_vectors v;
    ar_keep(&v);
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, AR_CALLER))
        return LEAVE(REAL);
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
    return LEAVE((uintptr_t)block);
}

static AR_ENTERED uintptr_t give(ARGUMENTS)
{
    struct ar_vectors v;
    ar_keep(&v);
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, NULL))
        return LEAVE(REAL);
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
    return LEAVE(result);
}

AR_ENTER(take, AR_HAS_RESULT)
AR_ENTER(take_into, AR_HAS_RESULT)
AR_ENTER(resize, AR_HAS_RESULT)
AR_ENTER(give, AR_HAS_NONE)

const void *const ar_linked_handlers[] = {
    [AR_LINKED_TAKE] = AR_ENTRY(take),
    [AR_LINKED_TAKE_INTO] = AR_ENTRY(take_into),
    [AR_LINKED_RESIZE] = AR_ENTRY(resize),
    [AR_LINKED_GIVE] = AR_ENTRY(give),
};
