#include "sampled.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "recording.h"

#define PLACES 8

struct line {
    _Alignas(64) uintptr_t blocks[PLACES];
};

uint8_t ar_sampled_filter[1 << AR_SAMPLED_FILTER_BITS];

static struct line *levels[AR_SAMPLED_LEVELS];
static uint32_t used; /* levels that have had a block */

static size_t lines_of(uint32_t level)
{
    return (size_t)1 << (AR_SAMPLED_FIRST_BITS + 3 * level);
}

bool ar_sampled_map(void)
{
    size_t lines = 0;
    if (levels[0])
        return true;
    for (uint32_t i = 0; i < AR_SAMPLED_LEVELS; i++)
        lines += lines_of(i);
    void *map = mmap(NULL, lines * sizeof(struct line), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return false;
    struct line *at = map;
    for (uint32_t i = 0; i < AR_SAMPLED_LEVELS; at += lines_of(i), i++)
        levels[i] = at;
    return true;
}

void ar_sampled_forget(void)
{
    size_t lines = 0;
    for (uint32_t i = 0; levels[0] && i < AR_SAMPLED_LEVELS; i++)
        lines += lines_of(i);
    if (lines && madvise(levels[0], lines * sizeof(struct line), MADV_DONTNEED) == 0) {
        memset(ar_sampled_filter, 0, sizeof ar_sampled_filter);
        used = 0;
    }
}

static struct line *line_of(uintptr_t block, uint32_t level, unsigned which)
{
    static const uint64_t factors[] = {0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu};
    return &levels[level][(block * factors[which]) >> (64 - AR_SAMPLED_FIRST_BITS - 3 * level)];
}

static uintptr_t *find(uintptr_t block)
{
    const uint32_t end = __atomic_load_n(&used, __ATOMIC_RELAXED);
    for (uint32_t level = 0; level < end; level++)
        for (unsigned which = 0; which < 2; which++) {
            struct line *line = line_of(block, level, which);
            for (unsigned i = 0; i < PLACES; i++)
                if (__atomic_load_n(&line->blocks[i], __ATOMIC_RELAXED) == block)
                    return &line->blocks[i];
        }
    return NULL;
}

static bool add_in(uintptr_t block, uint32_t level)
{
    for (unsigned which = 0; which < 2; which++) {
        struct line *line = line_of(block, level, which);
        for (unsigned i = 0; i < PLACES; i++) {
            uintptr_t none = 0;
            if (__atomic_load_n(&line->blocks[i], __ATOMIC_RELAXED) == 0 &&
                __atomic_compare_exchange_n(&line->blocks[i], &none, block, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                return true;
        }
    }
    return false;
}

/* Counts are shared by blocks of other threads. What has reached the top does not know its number any more. */
static void count(const void *block, int by)
{
    uint8_t *at = &ar_sampled_filter[ar_sampled_index(block)], was = __atomic_load_n(at, __ATOMIC_RELAXED);
    while (was != AR_SAMPLED_FILTER_TOP &&
           !__atomic_compare_exchange_n(at, &was, (uint8_t)(was + by), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

/* The filter first, and last to be told of the end: whatever a thread is stopped in the middle of (a fork may copy it),
 * a block that has a place is counted. */
bool ar_sampled_add(const void *block)
{
    if (ar_sampled_maybe(block) && find((uintptr_t)block))
        return true;
    count(block, 1);
    for (uint32_t level = 0; level < AR_SAMPLED_LEVELS; level++) {
        uint32_t seen = __atomic_load_n(&used, __ATOMIC_RELAXED);
        while (seen <= level &&
               !__atomic_compare_exchange_n(&used, &seen, level + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        }
        if (add_in((uintptr_t)block, level))
            return true;
    }
    count(block, -1);
    return false;
}

bool ar_sampled_remove(const void *block)
{
    uintptr_t *place = find((uintptr_t)block);
    if (!place)
        return false;
    __atomic_store_n(place, 0, __ATOMIC_RELAXED);
    count(block, -1);
    return true;
}
