/* Operator new and delete.
 *
 * Recorded where they come from the object that malloc comes from (jemalloc, mimalloc, tcmalloc): such an operator does
 * not pass through malloc. Any other (libstdc++'s) calls malloc or free, which record it: here it only passes through.
 *
 * The guard must be up across the real call (an allocator's operator new may well call its own malloc by name), and
 * must come down again, which it would not if the call left by an exception. So a form that throws is served by its
 * nothrow twin; only when that has no memory, the throwing form itself is called, with the guard down, to run the
 * new-handler and to throw.
 */
#include "record.h"

#include "real.h"

#define FUNCTION(op) ar_operator_for(&ar_operators[AR_OPERATOR_##op], __builtin_return_address(0))
#define DIRECT(op) ar_operators[AR_OPERATOR_##op].direct

static const char nothrow_tag; /* std::nothrow: only its type matters */

static void record_new(enum ar_op op, void *block, size_t size, size_t alignment, uint64_t entered)
{
    struct ar_thread *t = &ar_self;
    t->busy = 1;
    ar_acquired(t, op, block, size, 1, alignment, entered);
    t->busy = 0;
}

#define DEFINE_NEW(op, name, params, args, alignment)                                                                  \
    AR_EXPORT void *name params;                                                                                       \
    AR_EXPORT void *name params                                                                                        \
    {                                                                                                                  \
        void *(*real)params = (void *(*)params)FUNCTION(op);                                                           \
        if (!DIRECT(op) || ar_self.busy)                                                                               \
            return real args;                                                                                          \
        uint64_t entered = ar_entered();                                                                               \
        ar_self.busy = 1;                                                                                              \
        void *block = real args;                                                                                       \
        ar_self.busy = 0;                                                                                              \
        record_new(AR_##op, block, size, alignment, entered);                                                          \
        return block;                                                                                                  \
    }
AR_NEW_NOTHROW_FUNCTIONS(DEFINE_NEW)

#define DEFINE_NEW_THROWING(op, name, params, args, alignment, twin, twin_params, twin_args)                           \
    AR_EXPORT void *name params;                                                                                       \
    AR_EXPORT void *name params                                                                                        \
    {                                                                                                                  \
        void *(*real)params = (void *(*)params)FUNCTION(op);                                                           \
        if (!DIRECT(op) || ar_self.busy)                                                                               \
            return real args;                                                                                          \
        uint64_t entered = ar_entered();                                                                               \
        void *block = NULL;                                                                                            \
        if (DIRECT(twin)) {                                                                                            \
            void *(*quiet)twin_params = (void *(*)twin_params)FUNCTION(twin);                                          \
            ar_self.busy = 1;                                                                                          \
            block = quiet twin_args;                                                                                   \
            ar_self.busy = 0;                                                                                          \
        }                                                                                                              \
        if (!block)                                                                                                    \
            block = real args;                                                                                         \
        record_new(AR_##op, block, size, alignment, entered);                                                          \
        return block;                                                                                                  \
    }
AR_NEW_FUNCTIONS(DEFINE_NEW_THROWING)

#define DEFINE_DELETE(op, name, params, args, size_, alignment_)                                                       \
    AR_EXPORT void name params;                                                                                        \
    AR_EXPORT void name params                                                                                         \
    {                                                                                                                  \
        void(*real) params = (void(*) params)FUNCTION(op);                                                             \
        struct ar_thread *t = &ar_self;                                                                                \
        if (!DIRECT(op) || t->busy) {                                                                                  \
            real args;                                                                                                 \
            return;                                                                                                    \
        }                                                                                                              \
        t->busy = 1;                                                                                                   \
        uint64_t entered;                                                                                              \
        bool timed = ar_releasing(t, AR_##op, block, size_, alignment_, &entered);                                     \
        real args;                                                                                                     \
        if (timed)                                                                                                     \
            ar_released(t, AR_##op, block, size_, alignment_, entered);                                                \
        t->busy = 0;                                                                                                   \
    }
AR_DELETE_FUNCTIONS(DEFINE_DELETE)
