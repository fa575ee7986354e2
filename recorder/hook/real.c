#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "real_thread.h"
#include "record.h"
#include "source.h"

/* Calls made while the real functions are looked up (dlsym itself calls calloc) are served from here, and stay here. */
static struct {
    _Alignas(16) char bytes[65536];
    atomic_size_t used;
} bootstrap;

struct bootstrap_head {
    _Alignas(16) size_t size;
};

bool ar_in_bootstrap(const void *p)
{
    return (uintptr_t)p - (uintptr_t)bootstrap.bytes < sizeof bootstrap.bytes;
}

static void *bootstrap_take(size_t alignment, size_t size)
{
    if (alignment < 16)
        alignment = 16;
    if (size > sizeof bootstrap.bytes || alignment > 4096)
        return NULL;
    size_t need = sizeof(struct bootstrap_head) + alignment + ((size + 15) & ~(size_t)15);
    size_t at = atomic_fetch_add(&bootstrap.used, need);
    if (at + need > sizeof bootstrap.bytes)
        return NULL;
    uintptr_t start = (uintptr_t)bootstrap.bytes + at + sizeof(struct bootstrap_head);
    start = (start + alignment - 1) & ~(alignment - 1);
    ((struct bootstrap_head *)start)[-1].size = size;
    return (void *)start;
}

size_t ar_bootstrap_size(const void *p)
{
    return ((const struct bootstrap_head *)p)[-1].size;
}

/* Stubs: what each pointer is before the look-up. `resolve` answers false while a look-up is under way in this or
 * another thread; then the arena serves. */
static bool resolve(void);

static void *first_malloc(size_t size)
{
    return resolve() ? ar_real.malloc(size) : bootstrap_take(16, size);
}
static void *first_calloc(size_t count, size_t size)
{
    if (resolve())
        return ar_real.calloc(count, size);
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : bootstrap_take(16, bytes);
}
static void *first_realloc(void *old, size_t size)
{
    if (resolve())
        return ar_real.realloc(old, size);
    void *block = bootstrap_take(16, size);
    if (block && old)
        memcpy(block, old, size < ar_bootstrap_size(old) ? size : ar_bootstrap_size(old));
    return block;
}
static void *first_reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : ar_real.realloc(old, bytes);
}
static void *first_memalign(size_t alignment, size_t size)
{
    return resolve() ? ar_real.memalign(alignment, size) : bootstrap_take(alignment, size);
}
static void *first_aligned_alloc(size_t alignment, size_t size)
{
    return resolve() ? ar_real.aligned_alloc(alignment, size) : bootstrap_take(alignment, size);
}
static int first_posix_memalign(void **result, size_t alignment, size_t size)
{
    if (resolve())
        return ar_real.posix_memalign(result, alignment, size);
    *result = bootstrap_take(alignment, size);
    return *result ? 0 : ENOMEM;
}
static void *first_valloc(size_t size)
{
    return resolve() ? ar_real.valloc(size) : bootstrap_take(4096, size);
}
static void *first_pvalloc(size_t size)
{
    return resolve() ? ar_real.pvalloc(size) : bootstrap_take(4096, (size + 4095) & ~(size_t)4095);
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

struct ar_operator ar_operators[AR_OPERATORS] = {
#define AR_NAME(op, name, ...) {#name, NULL, false},
    AR_OPERATOR_FUNCTIONS(AR_NAME)
#undef AR_NAME
};

static void *object_of(void *function)
{
    Dl_info info;
    return function && dladdr(function, &info) ? info.dli_fbase : NULL;
}

static bool resolve(void)
{
    static atomic_int state; /* 0 not yet, 1 under way, 2 done */
    int expected = 0;
    if (!atomic_compare_exchange_strong(&state, &expected, 1))
        return expected == 2;
    /* What dlsym asks of the heap is not the program's. */
    uint8_t was_busy = ar_self.busy;
    ar_self.busy = 1;
    struct ar_real_functions found = ar_real;
    /* What the C library does not have keeps its stub: free_sized becomes free, reallocarray a checked realloc. */
#define AR_LOOK_UP(ret, name, params, args)                                                                            \
    {                                                                                                                  \
        void *f = dlsym(RTLD_NEXT, #name);                                                                             \
        if (f)                                                                                                         \
            found.name = (ret(*) params)f;                                                                             \
    }
    AR_C_FUNCTIONS(AR_LOOK_UP)
#undef AR_LOOK_UP
    void *allocator = object_of((void *)found.malloc);
    for (int i = 0; i < AR_OPERATORS; i++) {
        ar_operators[i].function = dlsym(RTLD_NEXT, ar_operators[i].name);
        ar_operators[i].direct = ar_operators[i].function && object_of(ar_operators[i].function) == allocator;
        found.new_direct |= ar_operators[i].direct;
    }
    ar_real = found;
    atomic_store(&state, 2);
    ar_self.busy = was_busy;
    return true;
}

void ar_resolve(void)
{
    resolve();
    ar_real_thread_resolve();
}

uint64_t ar_source_flags(void)
{
    return ar_real.new_direct ? AR_PROCESS_NEW_RECORDED : 0;
}

const void *ar_source_malloc(void)
{
    return (const void *)ar_real.malloc;
}

/* Interposed calls need no connecting. */

bool ar_source_attach(void)
{
    return true;
}

void *ar_operator_for(struct ar_operator *op, void *caller)
{
    void *function = __atomic_load_n(&op->function, __ATOMIC_ACQUIRE);
    if (function)
        return function;
    Dl_info info;
    if (dladdr(caller, &info) && info.dli_fname) {
        void *library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
        if (library) {
            /* The library's own scope may lead back to us, as we are in the global scope: then ask the usual runtimes.
             */
            function = dlsym(library, op->name);
            dlclose(library);
        }
    }
    static const char *const runtimes[] = {"libstdc++.so.6", "libc++abi.so.1", "libc++.so.1"};
    for (unsigned i = 0;
         i < sizeof runtimes / sizeof *runtimes && (!function || object_of(function) == object_of((void *)ar_resolve));
         i++) {
        void *library = dlopen(runtimes[i], RTLD_LAZY | RTLD_NOLOAD);
        if (library) {
            function = dlsym(library, op->name);
            dlclose(library);
        }
    }
    if (!function || object_of(function) == object_of((void *)ar_resolve)) {
        static const char message[] = "allocreplay: no C++ runtime in sight of a caller of operator new or delete\n";
        ar_sys(SYS_write, 2, message, sizeof message - 1);
        abort();
    }
    __atomic_store_n(&op->function, function, __ATOMIC_RELEASE);
    return function;
}
