/* The addresses of blocks in the sample that are live. Memory of this process alone; a forked child has its parent's.
 *
 * No lock, and no system call but one at the start. A thread adds a block after the real call gave it the block, and
 * takes it out before the real call gives it back: both while it owns the block. So no two operations on one address
 * ever run at once. Nor do they miss one another: who frees a block had its address handed over by whoever acquired it,
 * in whatever way the program has to make that safe (it would have to do so for what is in the block as well), and who
 * gets an address anew gets it after the allocator was given it, which is an order between these two calls in C. So
 * what was done for an address before has happened before what is done for it next, and all loads and stores here may
 * be relaxed. Operations on different addresses do race, for places: a place is taken by compare-and-swap from empty,
 * and is emptied by its owner. */
#ifndef ALLOCREPLAY_SAMPLED_H
#define ALLOCREPLAY_SAMPLED_H

#include <stdbool.h>
#include <stdint.h>

/* A count of blocks for each 32 bytes of the heap, folded: most frees need no more than this. Small enough for the
 * second level of a cache, and neighbours in the heap are neighbours here. One that has reached the top stays there. */
#define AR_SAMPLED_FILTER_BITS 16
#define AR_SAMPLED_FILTER_TOP 255
extern uint8_t ar_sampled_filter[1 << AR_SAMPLED_FILTER_BITS] __attribute__((visibility("hidden")));

static inline uint32_t ar_sampled_index(const void *block)
{
    const uint64_t cell = (uintptr_t)block >> 5;
    return (uint32_t)(cell ^ cell >> AR_SAMPLED_FILTER_BITS) & ((1u << AR_SAMPLED_FILTER_BITS) - 1);
}

/* False: it is not in the sample. */
static inline bool ar_sampled_maybe(const void *block)
{
    return __atomic_load_n(&ar_sampled_filter[ar_sampled_index(block)], __ATOMIC_RELAXED) != 0;
}

/* Places for blocks: 8 in each line of a cache, 2 lines for a block in each of the levels, which are used in turn so
 * that a small sample stays small. */
#define AR_SAMPLED_LEVELS 4
#define AR_SAMPLED_FIRST_BITS 9 /* lines of the first level; each next one has 8 times as many */

/* Once, before all else; also in a child, where it does nothing. False: there is no memory. */
bool ar_sampled_map(void);

/* Empties it, while nothing is recorded. */
void ar_sampled_forget(void);

/* False: it is full. A block that is in it already, as its end was hidden from us, is there once. */
bool ar_sampled_add(const void *block);

/* Takes a block out. False: it was not in it. */
bool ar_sampled_remove(const void *block);

#endif
