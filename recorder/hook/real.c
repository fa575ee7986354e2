#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "late.h"
#include "linked.h"
#include "own.h"
#include "real_thread.h"
#include "record.h"
#include "source.h"

/* Stubs: what each pointer is before the look-up. `resolve` answers false while a look-up is under way in this or
 * another thread; then the arena serves. */
static bool resolve(void);

static void *first_malloc(size_t size)
{
    return resolve() ? ar_real.malloc(size) : ar_own_bootstrap(16, size);
}
static void *first_calloc(size_t count, size_t size)
{
    if (resolve())
        return ar_real.calloc(count, size);
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : ar_own_bootstrap(16, bytes);
}
static void *first_realloc(void *old, size_t size)
{
    if (resolve())
        return ar_real.realloc(old, size);
    void *block = ar_own_bootstrap(16, size);
    if (block && old)
        memcpy(block, old, size < ar_own_size(old) ? size : ar_own_size(old));
    return block;
}
static void *first_reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : ar_real.realloc(old, bytes);
}
static void *first_memalign(size_t alignment, size_t size)
{
    return resolve() ? ar_real.memalign(alignment, size) : ar_own_bootstrap(alignment, size);
}
static void *first_aligned_alloc(size_t alignment, size_t size)
{
    return resolve() ? ar_real.aligned_alloc(alignment, size) : ar_own_bootstrap(alignment, size);
}
static int first_posix_memalign(void **result, size_t alignment, size_t size)
{
    if (resolve())
        return ar_real.posix_memalign(result, alignment, size);
    *result = ar_own_bootstrap(alignment, size);
    return *result ? 0 : ENOMEM;
}
static void *first_valloc(size_t size)
{
    return resolve() ? ar_real.valloc(size) : ar_own_bootstrap(4096, size);
}
static void *first_pvalloc(size_t size)
{
    return resolve() ? ar_real.pvalloc(size) : ar_own_bootstrap(4096, (size + 4095) & ~(size_t)4095);
}
static void first_free(void *block)
{
    if (resolve())
        ar_real.free(block);
}
static void first_free_sized(void *block, size_t size)
{
    (void)size;
    ar_real.free(block);
}
static void first_free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment, (void)size;
    ar_real.free(block);
}
static size_t first_malloc_usable_size(void *block)
{
    return resolve() ? ar_real.malloc_usable_size(block) : 0;
}
struct ar_real_functions ar_real = {
#define AR_REAL_FIRST(ret, name, params, args) .name = first_##name,
    AR_C_FUNCTIONS(AR_REAL_FIRST)
#undef AR_REAL_FIRST
};

struct ar_operator ar_operators[AR_OPERATORS];
struct ar_object ar_allocator, ar_hook;

static bool resolve(void)
{
    static atomic_int state; /* 0 not yet, 1 under way, 2 done */
    int expected = 0;
    if (!atomic_compare_exchange_strong(&state, &expected, 1))
        return expected == 2;
    /* What dlsym asks of the heap is not the program's. */
    uint8_t busy = ar_self.busy;
    ar_self.busy = AR_BUSY;
    struct ar_real_functions found = ar_real;
    /* What the C library does not have keeps its stub: free_sized becomes free, reallocarray a checked realloc. */
#define AR_LOOK_UP(ret, name, params, args)                                                                            \
    {                                                                                                                  \
        void *f = ar_next(#name);                                                                                      \
        if (f)                                                                                                         \
            found.name = (ret(*) params)f;                                                                             \
    }
    AR_C_FUNCTIONS(AR_LOOK_UP)
#undef AR_LOOK_UP
    ar_allocator = ar_object_of((void *)found.malloc);
    ar_hook = ar_object_of((void *)ar_resolve);
#define AR_LOOK_UP_OPERATOR(op, name, ...)                                                                             \
    {                                                                                                                  \
        struct ar_operator *o = &ar_operators[AR_OPERATOR_##op];                                                       \
        o->function = ar_next(#name);                                                                                  \
        o->direct = o->function && ar_is_in(&ar_allocator, o->function);                                               \
        found.new_direct |= o->direct;                                                                                 \
    }
    AR_OPERATOR_FUNCTIONS(AR_LOOK_UP_OPERATOR)
#undef AR_LOOK_UP_OPERATOR
    ar_real = found;
    atomic_store(&state, 2);
    ar_self.busy = busy;
    return true;
}

/* An operator that nobody behind us has is none of ours either: a library that brings its C++ runtime along, or
 * operators of its own, finds what it would find without us. Where there is one behind us, the whole program has that,
 * as its object was loaded at the start: no library's own comes before it, and it stays to the end. */
static void withdraw_operators(void)
{
#define AR_WITHDRAW(op, name, ...)                                                                                     \
    if (!ar_operators[AR_OPERATOR_##op].function)                                                                      \
        ar_rebind(&(struct ar_rebinding){#name, (void *)ar_ours_##name, NULL}, (void *)ar_resolve);
    AR_OPERATOR_FUNCTIONS(AR_WITHDRAW)
#undef AR_WITHDRAW
}

size_t ar_rebindings(struct ar_rebinding list[AR_REBINDINGS_MAX], bool all)
{
    size_t count = 0;
#define AR_LEAD(name, function) list[count++] = (struct ar_rebinding){#name, function, (void *)ar_ours_##name};
#define AR_LEAD_C(ret, name, params, args)                                                                             \
    if ((void *)ar_real.name != (void *)first_##name)                                                                  \
    AR_LEAD(name, (void *)ar_real.name)
    AR_C_FUNCTIONS(AR_LEAD_C)
#undef AR_LEAD_C
#define AR_LEAD_OPERATOR(op, name, ...)                                                                                \
    if (ar_operators[AR_OPERATOR_##op].direct)                                                                         \
    AR_LEAD(name, ar_operators[AR_OPERATOR_##op].function)
    AR_OPERATOR_FUNCTIONS(AR_LEAD_OPERATOR)
#undef AR_LEAD_OPERATOR
    AR_LEAD(pthread_create, (void *)ar_real_thread.pthread_create)
#define AR_LEAD_CORE(name)                                                                                             \
    if (all && ar_next(#name))                                                                                         \
    AR_LEAD(name, ar_next(#name))
    AR_CORE_FUNCTIONS(AR_LEAD_CORE)
#undef AR_LEAD_CORE
#undef AR_LEAD
    return count;
}

/* A library that is opened with RTLD_DEEPBIND looks into its own dependencies first: it would find the C library's
 * malloc, and pass us by. So there, ours is found too, where what we found behind us is that very function: it is
 * called then as before, by way of us. Who looks for the next malloc from an object in front of it finds us already.
 * Nothing is put back: the objects were loaded before us or with us, and stay to the end. */
static void lead_here(void)
{
    struct ar_rebinding list[AR_REBINDINGS_MAX];
    const size_t count = ar_rebindings(list, false);
    for (size_t i = 0; i < count; i++)
        ar_rebind(&list[i], list[i].function);
}

/* Functions that no name of ours stands before. */
static void lead_linked_here(void)
{
    struct ar_rebinding list[AR_REBINDINGS_MAX];
    ar_linked_find(false);
    const size_t count = ar_linked_rebindings(list, 0);
    for (size_t i = 0; i < count; i++)
        ar_rebind(&list[i], list[i].function);
    if (count)
        ar_rebind_imports(list, count, (const void *)ar_resolve);
}

void ar_resolve(void)
{
    const bool is_late = ar_prepare_late();
    uint8_t busy = ar_self.busy;
    resolve();
    ar_real_thread_resolve();
    ar_self.busy |= AR_BUSY;
    if (!is_late)
        withdraw_operators();
    ar_self.busy = busy;
}

uint64_t ar_source_flags(void)
{
    return (ar_real.new_direct ? AR_PROCESS_NEW_RECORDED : 0) | (ar_settings ? AR_PROCESS_ATTACHED : 0) |
           ar_linked_flags();
}

const void *ar_source_malloc(void)
{
    const void *linked = ar_linked_malloc();
    return linked ? linked : (const void *)ar_real.malloc;
}

/* Interposed calls need no connecting, but for those that are yet to be bound. Not in a replay, which opens no library
 * so and looks into the allocator by name. */
bool ar_source_attach(void)
{
    static bool attached; /* inherited by children, as what we did is */
    if (ar_settings)
        return ar_attach_late();
    if (!attached && !ar_options.opt_in && resolve()) {
        ar_real_thread_resolve(); /* where a call came before the constructor */
        lead_here();
        if (ar_options.linked)
            lead_linked_here();
    }
    attached = true;
    return true;
}

void *ar_operator_first(struct ar_operator *op)
{
    resolve();
    return op->function;
}
