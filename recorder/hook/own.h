/* Blocks of our own memory, which no allocator knows. They are told by their address alone, wherever they are freed. */
#ifndef ALLOCREPLAY_OWN_H
#define ALLOCREPLAY_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AR_CELL_SIZE 1024
#define AR_CELLS 4096

struct ar_own_memory {
    /* What is asked for while the real functions are looked up; never used again. */
    _Alignas(16) char bootstrap[65536];
    /* What the C library keeps for a thread: see ar_own_thread_block. Pages that are never touched cost nothing. */
    _Alignas(16) char cells[AR_CELLS][AR_CELL_SIZE];
};
extern struct ar_own_memory ar_own_memory __attribute__((visibility("hidden")));

static inline bool ar_is_own(const void *block)
{
    return (uintptr_t)block - (uintptr_t)&ar_own_memory < sizeof ar_own_memory;
}

size_t ar_own_size(const void *block);
void ar_own_free(void *block);

/* From the bootstrap memory. NULL: it is used up. */
void *ar_own_bootstrap(size_t alignment, size_t size);

/* A cell, zeroed. NULL: the block is too large, or all are in use. */
void *ar_own_thread_block(size_t size);

#endif
