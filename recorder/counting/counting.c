/* Interposition alone: every allocation function of ours counts the call, in a counter of the thread's own, and passes
 * it on. What a replay under it costs more than one without is what any preloaded hook costs before it does anything.
 *
 * It is preloaded into replay workers only, and has none of the core: no recording, no control plane. The counters are
 * in a file that ALLOCREPLAY_COUNTERS names, mapped and shared, so that they are there however the process ends:
 * COUNTERS lines of 64 bytes, the count in the first eight of each, host byte order. Threads beyond share the last one.
 */
#include "interposed.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COUNTERS 4096

struct counter {
    _Alignas(64) atomic_uint_fast64_t calls;
};

/* What is behind us, NULL where nothing is. */
static struct {
#define REAL_C(ret, name, params, args) ret(*name) params;
    AR_C_FUNCTIONS(REAL_C)
#undef REAL_C
#define REAL_NEW(op, name, params, ...) void *(*name)params;
    AR_NEW_FUNCTIONS(REAL_NEW)
#undef REAL_NEW
#define REAL_DELETE(op, name, params, ...) void(*name) params;
    AR_DELETE_FUNCTIONS(REAL_DELETE)
#undef REAL_DELETE
} real;

static _Thread_local struct counter *own;
static struct counter unmapped[1]; /* until the file is mapped, and where it cannot be */
static struct counter *counters = unmapped;
static atomic_uint threads;

/* While dlsym looks for the functions behind us it may ask for memory: from here, and never given back. */
static _Alignas(16) char early[65536];
static size_t early_used;

enum { NOT_YET, UNDER_WAY, DONE };
static atomic_int state;

static void *early_block(size_t size)
{
    size_t start = early_used;
    if (size > sizeof early - start - 15)
        return NULL;
    early_used = start + ((size + 15) & ~(size_t)15);
    return early + start;
}

static bool is_early(const void *block)
{
    return (uintptr_t)block - (uintptr_t)early < sizeof early;
}

/* By the constructor, or a call that comes before it: the process then has one thread. False inside itself. */
static bool resolve(void)
{
    int expected = NOT_YET;
    if (!atomic_compare_exchange_strong(&state, &expected, UNDER_WAY))
        return expected == DONE;
#define LOOK_UP(name) *(void **)&real.name = dlsym(RTLD_NEXT, #name);
#define LOOK_UP_C(ret, name, ...) LOOK_UP(name)
#define LOOK_UP_OPERATOR(op, name, ...) LOOK_UP(name)
    AR_C_FUNCTIONS(LOOK_UP_C)
    AR_OPERATOR_FUNCTIONS(LOOK_UP_OPERATOR)
    const char *path = getenv("ALLOCREPLAY_COUNTERS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *memory =
            mmap(NULL, COUNTERS * sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
        close(fd);
        if (memory != MAP_FAILED)
            counters = memory;
    }
    atomic_store(&state, DONE);
    return true;
}

__attribute__((constructor)) static void on_load(void)
{
    resolve();
}

/* The first call of a thread. What was counted before the file was there stays out: those calls are the loader's. */
static __attribute__((noinline)) struct counter *begin(void)
{
    if (!resolve() || counters == unmapped)
        return unmapped;
    unsigned n = atomic_fetch_add(&threads, 1);
    return own = &counters[n < COUNTERS - 1 ? n : COUNTERS - 1];
}

/* A counter has one writer, so a load and a store do; the last one, which several threads may share, needs the lock. */
static inline __attribute__((always_inline)) void count(void)
{
    struct counter *c = own;
    if (UNLIKELY(!c))
        c = begin();
    if (UNLIKELY(c == unmapped || c == &counters[COUNTERS - 1]))
        atomic_fetch_add_explicit(&c->calls, 1, memory_order_relaxed);
    else
        atomic_store_explicit(&c->calls, atomic_load_explicit(&c->calls, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

EXPORT void *malloc(size_t size)
{
    count();
    return real.malloc ? real.malloc(size) : early_block(size);
}

EXPORT void *calloc(size_t count_of, size_t size)
{
    count();
    if (real.calloc)
        return real.calloc(count_of, size);
    size_t bytes;
    return __builtin_mul_overflow(count_of, size, &bytes) ? NULL : early_block(bytes); /* zeroed: never used before */
}

EXPORT void *realloc(void *old, size_t size)
{
    count();
    if (!UNLIKELY(is_early(old)) && real.realloc)
        return real.realloc(old, size);
    void *block = real.malloc ? real.malloc(size) : early_block(size);
    size_t held = old ? (size_t)(early + sizeof early - (char *)old) : 0; /* at most */
    if (block && old)
        memcpy(block, old, size < held ? size : held);
    return block;
}

EXPORT void *reallocarray(void *old, size_t count_of, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count_of, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (is_early(old) || !real.reallocarray)
        return realloc(old, bytes);
    count();
    return real.reallocarray(old, count_of, size);
}

EXPORT void free(void *block)
{
    count();
    if (!UNLIKELY(is_early(block)) && real.free)
        real.free(block);
}

EXPORT void free_sized(void *block, size_t size)
{
    if (is_early(block) || !real.free_sized) {
        free(block);
        return;
    }
    count();
    real.free_sized(block, size);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t size)
{
    if (is_early(block) || !real.free_aligned_sized) {
        free(block);
        return;
    }
    count();
    real.free_aligned_sized(block, alignment, size);
}

EXPORT int posix_memalign(void **result, size_t alignment, size_t size)
{
    count();
    return real.posix_memalign ? real.posix_memalign(result, alignment, size) : ENOMEM;
}

/* Not called while functions are looked up. Where there is none behind us, the call fails, as it would without us. */
#define PASS_ON(ret, name, params, args)                                                                               \
    EXPORT ret name params                                                                                             \
    {                                                                                                                  \
        count();                                                                                                       \
        return real.name ? real.name args : (ret)0;                                                                    \
    }
PASS_ON(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))
PASS_ON(void *, memalign, (size_t alignment, size_t size), (alignment, size))
PASS_ON(void *, valloc, (size_t size), (size))
PASS_ON(void *, pvalloc, (size_t size), (size))

EXPORT size_t malloc_usable_size(void *block) /* no call that a trace has: not counted */
{
    return !is_early(block) && real.malloc_usable_size ? real.malloc_usable_size(block) : 0;
}

/* Operators that nobody behind us has are those of malloc. The C++ runtime's own, which call malloc, come here twice.
 */
#define PASS_ON_NEW(op, name, params, args, alignment)                                                                 \
    EXPORT void *name params                                                                                           \
    {                                                                                                                  \
        count();                                                                                                       \
        return real.name ? real.name args : alignment ? real.aligned_alloc(alignment, size) : real.malloc(size);       \
    }
AR_NEW_FUNCTIONS(PASS_ON_NEW)

#define PASS_ON_DELETE(op, name, params, args, size, alignment)                                                        \
    EXPORT void name params                                                                                            \
    {                                                                                                                  \
        count();                                                                                                       \
        if (real.name)                                                                                                 \
            real.name args;                                                                                            \
        else                                                                                                           \
            real.free(block);                                                                                          \
    }
AR_DELETE_FUNCTIONS(PASS_ON_DELETE)
