/* Operator new and delete.
 *
 * Recorded where they come from the object that malloc comes from (jemalloc, mimalloc, tcmalloc): such an operator does
 * not pass through malloc. Any other (libstdc++'s) calls malloc or free, which record it: here it only passes through.
 * Where there is none at all behind ours, nobody who looks for one finds ours: see real.c. Whoever has found it before
 * that gets malloc and free, which is what the runtimes make of it.
 *
 * An allocator's operator new may call its own malloc by name, may run a new-handler, which is the program's, and may
 * be left by an exception: see inside.c.
 */
#include "record.h"

#include "inside.h"
#include "real.h"

#define FUNCTION(o) (AR_LIKELY((o)->function) ? (o)->function : ar_operator_first(o))
#define CALLER __builtin_return_address(0)

/* Whether a call of the operator is to be recorded here. */
static inline bool is_recorded(const struct ar_operator *o, struct ar_thread *t, const void *caller, const void *frame)
{
    return o->direct && (AR_LIKELY(!t->busy) || ar_is_programs(t, caller, frame));
}

#define DEFINE_NEW(op, name, params, args, alignment)                                                                  \
    AR_EXPORT void *name params;                                                                                       \
    AR_EXPORT void *name params                                                                                        \
    {                                                                                                                  \
        struct ar_operator *o = &ar_operators[AR_OPERATOR_##op];                                                       \
        struct ar_thread *t = &ar_self;                                                                                \
        void *(*real)params = (void *(*)params)FUNCTION(o);                                                            \
        if (AR_UNLIKELY(!real))                                                                                        \
            return alignment ? ar_ours_aligned_alloc(alignment, size) : ar_ours_malloc(size);                          \
        if (!is_recorded(o, t, CALLER, __builtin_frame_address(0)))                                                    \
            return real args;                                                                                          \
        const uint8_t busy = t->busy;                                                                                  \
        const uintptr_t frame = t->operator_frame;                                                                     \
        uint64_t entered = ar_entered();                                                                               \
        t->operator_frame = (uintptr_t)__builtin_frame_address(0);                                                     \
        t->busy = AR_BUSY_NEW;                                                                                         \
        void *block = real args;                                                                                       \
        t->busy = AR_BUSY;                                                                                             \
        ar_acquired(t, AR_##op, block, size, 1, alignment, entered);                                                   \
        t->operator_frame = frame;                                                                                     \
        t->busy = busy;                                                                                                \
        return block;                                                                                                  \
    }                                                                                                                  \
    void *ar_ours_##name params __attribute__((alias(#name)));
AR_NEW_FUNCTIONS(DEFINE_NEW)

#define DEFINE_DELETE(op, name, params, args, size_, alignment_)                                                       \
    AR_EXPORT void name params;                                                                                        \
    AR_EXPORT void name params                                                                                         \
    {                                                                                                                  \
        struct ar_operator *o = &ar_operators[AR_OPERATOR_##op];                                                       \
        struct ar_thread *t = &ar_self;                                                                                \
        void(*real) params = (void(*) params)FUNCTION(o);                                                              \
        if (AR_UNLIKELY(!real)) {                                                                                      \
            ar_ours_free(block);                                                                                       \
            return;                                                                                                    \
        }                                                                                                              \
        if (!is_recorded(o, t, NULL, __builtin_frame_address(0))) {                                                    \
            real args;                                                                                                 \
            return;                                                                                                    \
        }                                                                                                              \
        const uint8_t busy = t->busy;                                                                                  \
        t->busy = AR_BUSY;                                                                                             \
        uint64_t entered;                                                                                              \
        bool timed = ar_releasing(t, AR_##op, block, size_, alignment_, &entered);                                     \
        real args;                                                                                                     \
        if (timed)                                                                                                     \
            ar_released(t, AR_##op, block, size_, alignment_, entered);                                                \
        t->busy = busy;                                                                                                \
    }                                                                                                                  \
    void ar_ours_##name params __attribute__((alias(#name)));
AR_DELETE_FUNCTIONS(DEFINE_DELETE)
