/* The C library's allocator, slower or larger by what SLOWER_SPINS (turns of an empty loop in every sixteenth malloc of
 * a thread: a processor hides a few of them in each) and SLOWER_LEAKS (touched pages that are kept, one in so many
 * calls of malloc) say. */
#include <stdatomic.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static unsigned spins, leaks;
static _Atomic unsigned calls;
static _Thread_local unsigned own_calls;

__attribute__((constructor)) static void read_environment(void)
{
    const char *asked = getenv("SLOWER_SPINS");
    spins = asked ? (unsigned)atoi(asked) : 0;
    asked = getenv("SLOWER_LEAKS");
    leaks = asked ? (unsigned)atoi(asked) : 0;
}

void *malloc(size_t size)
{
    if (++own_calls % 16 == 0)
        for (unsigned i = spins; i != 0; i--)
            __asm__ volatile("");
    if (leaks && atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) % leaks == 0) {
        volatile char *page = __libc_malloc(4096);
        if (page)
            page[2048] = 1;
    }
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return __libc_realloc(block, size);
}

void free(void *block)
{
    __libc_free(block);
}
