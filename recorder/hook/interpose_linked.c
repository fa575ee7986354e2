/* Functions of allocators that are reached by a detour or by a stub. One body for each shape: which function it is
 * comes as a sixth argument, which none of them has, from the stub by way of the stack (detour.h).
 *
 * As in interpose.c, the guard stays up across the real call: what one of them asks of another is one call of the
 * program's.
 *
 * Registers: a compiler that sees a function and who calls it (one file, or all at link time) has the caller rely on
 * registers that this function leaves alone, whatever the convention says (gcc's -fipa-ra, on from -O1). So all are
 * left as they were, but for that of the result; what the real function changes is relied on by nobody. */
#if defined(__x86_64__)
#pragma GCC target("general-regs-only") /* so that nothing is done to the others before they are kept */
#endif

#include <string.h>

#include "inside.h"
#include "linked.h"
#include "reallocate.h"

#define ARGUMENTS uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, const struct ar_linked *f
#define LEAVE(result) leave(&v, result)
#define REAL real(f, &v, a, b, c, d, e)
#if defined(__x86_64__)
/* Of the frame of ar_enter_…, which is the caller's: below. */
#define CALLER (((void **)*(void **)__builtin_frame_address(0))[1])
#else
#define CALLER __builtin_return_address(0)
#endif

/* Whether the call is to be recorded: from there, or NULL of a release. In the function that was called, as its frame
 * is asked for. */
#define IS_PROGRAMS(t, caller) (AR_LIKELY(!(t)->busy) || ar_is_programs(t, caller, __builtin_frame_address(0)))

#if defined(__x86_64__)
struct vectors {
    uint8_t bytes[16][16];
};

#define EACH_VECTOR(DO)                                                                                                \
    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)

static inline __attribute__((always_inline)) void keep(struct vectors *v)
{
#define KEEP(n) __asm__ volatile("movups %%xmm" #n ", %0" : "=m"(v->bytes[n]));
    EACH_VECTOR(KEEP)
#undef KEEP
}

static inline __attribute__((always_inline)) void put_back(const struct vectors *v)
{
#define PUT_BACK(n) __asm__ volatile("movups %0, %%xmm" #n : : "m"(v->bytes[n]));
    EACH_VECTOR(PUT_BACK)
#undef PUT_BACK
}
#else
struct vectors {
    uint8_t none;
};
static inline void keep(struct vectors *v)
{
    (void)v;
}
static inline void put_back(const struct vectors *v)
{
    (void)v;
}
#endif

/* The real function has its caller's registers, where it takes more than numbers, and its own are what the caller gets.
 */
static inline __attribute__((always_inline)) uintptr_t real(const struct ar_linked *f, struct vectors *v, uintptr_t a,
                                                            uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e)
{
    put_back(v);
    const uintptr_t result = f->real(a, b, c, d, e);
    keep(v);
    return result;
}

static inline __attribute__((always_inline)) uintptr_t leave(const struct vectors *v, uintptr_t result)
{
    put_back(v);
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

static __attribute__((used, noinline)) uintptr_t take(ARGUMENTS)
{
    struct vectors v;
    keep(&v);
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, CALLER))
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

static __attribute__((used, noinline)) uintptr_t take_into(ARGUMENTS)
{
    struct vectors v;
    keep(&v);
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, CALLER))
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

static __attribute__((used, noinline)) uintptr_t resize(ARGUMENTS)
{
    struct vectors v;
    keep(&v);
    struct ar_thread *t = &ar_self;
    if (!IS_PROGRAMS(t, CALLER))
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

static __attribute__((used, noinline)) uintptr_t give(ARGUMENTS)
{
    struct vectors v;
    keep(&v);
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

#if defined(__x86_64__)
/* Keeps all other registers but rax; and a function that nobody else calls may have a stack that is not aligned. What
 * the stub left lies in the red zone, 128 bytes below the stack's end, which neither a signal nor the kernel touches:
 * 120 below the frame that begins here. */
#define ENTER(name)                                                                                                    \
    extern const char ar_enter_##name[] __attribute__((visibility("hidden")));                                         \
    __asm__(".text\n"                                                                                                  \
            ".p2align 4\n"                                                                                             \
            ".hidden ar_enter_" #name "\n"                                                                             \
            ".globl ar_enter_" #name "\n"                                                                              \
            ".type ar_enter_" #name ", @function\n"                                                                    \
            "ar_enter_" #name ":\n"                                                                                    \
            ".cfi_startproc\n"                                                                                         \
            "push %rbp\n"                                                                                              \
            ".cfi_def_cfa_offset 16\n"                                                                                 \
            ".cfi_offset %rbp, -16\n"                                                                                  \
            "mov %rsp, %rbp\n"                                                                                         \
            ".cfi_def_cfa_register %rbp\n"                                                                             \
            "push %rcx\n push %rdx\n push %rsi\n push %rdi\n push %r8\n push %r9\n push %r10\n push %r11\n"            \
            "mov -120(%rbp), %r9\n"                                                                                    \
            "and $-16, %rsp\n"                                                                                         \
            "call " #name "\n"                                                                                         \
            "lea -64(%rbp), %rsp\n"                                                                                    \
            "pop %r11\n pop %r10\n pop %r9\n pop %r8\n pop %rdi\n pop %rsi\n pop %rdx\n pop %rcx\n"                    \
            "pop %rbp\n"                                                                                               \
            ".cfi_def_cfa %rsp, 8\n"                                                                                   \
            "ret\n"                                                                                                    \
            ".cfi_endproc\n"                                                                                           \
            ".size ar_enter_" #name ", .-ar_enter_" #name "\n");
#define ENTRY(name) ar_enter_##name
#else
#define ENTER(name)
#define ENTRY(name) (const void *)name
#endif

ENTER(take)
ENTER(take_into)
ENTER(resize)
ENTER(give)

const void *const ar_linked_handlers[] = {
    [AR_LINKED_TAKE] = ENTRY(take),
    [AR_LINKED_TAKE_INTO] = ENTRY(take_into),
    [AR_LINKED_RESIZE] = ENTRY(resize),
    [AR_LINKED_GIVE] = ENTRY(give),
};
