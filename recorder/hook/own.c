#include "own.h"

#include <stdatomic.h>
#include <string.h>

struct ar_own_memory ar_own_memory;

struct head { /* before each block of the bootstrap memory */
    _Alignas(16) size_t size;
};

static atomic_size_t bootstrap_used;
static atomic_bool taken[AR_CELLS];
static atomic_uint next_cell; /* where to look first: a hint */

void *ar_own_bootstrap(size_t alignment, size_t size)
{
    char *const bytes = ar_own_memory.bootstrap;
    if (alignment < 16)
        alignment = 16;
    if (size > sizeof ar_own_memory.bootstrap || alignment > 4096)
        return NULL;
    size_t need = sizeof(struct head) + alignment + ((size + 15) & ~(size_t)15);
    size_t at = atomic_fetch_add(&bootstrap_used, need);
    if (at + need > sizeof ar_own_memory.bootstrap)
        return NULL;
    uintptr_t start = (uintptr_t)bytes + at + sizeof(struct head);
    start = (start + alignment - 1) & ~(alignment - 1);
    ((struct head *)start)[-1].size = size;
    return (void *)start;
}

/* The cell of a block; AR_CELLS and more: it is no cell's. */
static size_t cell_of(const void *block)
{
    return ((uintptr_t)block - (uintptr_t)ar_own_memory.cells) / AR_CELL_SIZE;
}

size_t ar_own_size(const void *block)
{
    return cell_of(block) < AR_CELLS ? AR_CELL_SIZE : ((const struct head *)block)[-1].size;
}

/* No lock: a signal handler, or a fork at any moment, finds nothing that is half done. */
void *ar_own_thread_block(size_t size)
{
    if (size > AR_CELL_SIZE)
        return NULL;
    unsigned first = atomic_load_explicit(&next_cell, memory_order_relaxed);
    for (unsigned i = 0; i < AR_CELLS; i++) {
        unsigned cell = (first + i) % AR_CELLS;
        if (atomic_load_explicit(&taken[cell], memory_order_relaxed) ||
            atomic_exchange_explicit(&taken[cell], true, memory_order_acquire))
            continue;
        atomic_store_explicit(&next_cell, cell + 1, memory_order_relaxed);
        return memset(ar_own_memory.cells[cell], 0, AR_CELL_SIZE);
    }
    return NULL;
}

void ar_own_free(void *block)
{
    size_t cell = cell_of(block);
    if (cell >= AR_CELLS)
        return;
    atomic_store_explicit(&taken[cell], false, memory_order_release);
    atomic_store_explicit(&next_cell, (unsigned)cell, memory_order_relaxed); /* few cells, used again and again */
}
