/* An allocator that does wrong what PLANTED names: overlap, misalign, dirty, nocopy, corrupt, fail, slow; anything
 * else: nothing. With overlap, PLANTED_CRASH is after how many calls it crashes. In front of glibc's, and only for some
 * sizes above 100: what the runtime needs for itself is hardly ever of one, and stays right. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVERY 3

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static _Alignas(4096) char arena[1 << 26];
static _Atomic size_t used = 4096;

static _Thread_local unsigned calls;
static _Thread_local char *last;

static int is_planted(const char *fault, size_t size)
{
    const char *planted = getenv("PLANTED");
    return size > 100 && size % 16 == 9 && planted && strcmp(planted, fault) == 0;
}

static int is_due(const char *fault, size_t size)
{
    return is_planted(fault, size) && ++calls % EVERY == 0;
}

static int is_in_arena(const void *block)
{
    return (uintptr_t)block - (uintptr_t)arena < sizeof arena;
}

static void spend_a_millisecond(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end = now.tv_sec * INT64_C(1000000000) + now.tv_nsec + 1000000;
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec * INT64_C(1000000000) + now.tv_nsec < end);
}

void *malloc(size_t size)
{
    if (is_due("fail", size)) {
        errno = ENOMEM;
        return NULL;
    }
    if (size < 2048 && is_due("overlap", size)) {
        const char *last = getenv("PLANTED_CRASH");
        if (last && calls >= (unsigned)atoi(last))
            *(volatile int *)NULL = 0;
        return arena + calls % 7 * 16;
    }
    if (is_planted("slow", size))
        spend_a_millisecond();
    char *block = __libc_malloc(size);
    if (is_planted("corrupt", size)) {
        if (last && ++calls % EVERY == 0)
            last[40] ^= 1;
        last = block;
    }
    return block;
}

void free(void *block)
{
    if (block == last)
        last = NULL;
    if (!is_in_arena(block))
        __libc_free(block);
}

void *calloc(size_t count, size_t size)
{
    char *block = __libc_calloc(count, size);
    if (block && is_due("dirty", count * size))
        block[count * size - 1] = 1;
    return block;
}

void *realloc(void *block, size_t size)
{
    if (block == last)
        last = NULL;
    if (!block || !(is_in_arena(block) || is_due("nocopy", size)))
        return __libc_realloc(block, size);
    char *moved = __libc_calloc(1, size);
    if (!moved)
        return NULL;
    if (is_in_arena(block)) {
        size_t left = sizeof arena - (size_t)((char *)block - arena);
        memcpy(moved, block, size < left ? size : left);
    } else {
        __libc_free(block);
    }
    return moved;
}

void *memalign(size_t alignment, size_t size)
{
    if (!is_due("misalign", size))
        return __libc_memalign(alignment, size);
    size_t at = atomic_fetch_add(&used, size + 2 * alignment);
    return at + size + 2 * alignment > sizeof arena
               ? NULL
               : arena + (at + alignment - 1) / alignment * alignment + alignment / 2;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}
