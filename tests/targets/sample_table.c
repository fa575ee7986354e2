/* The table of sampled addresses under threads.
 *
 *   sample_table THREADS ROUNDS BLOCKS
 *
 * Each thread owns addresses, adds them, and hands them to the next thread through a queue of its own (released and
 * acquired, as a program hands a block over), which takes them out and hands the address back for another round. Each
 * one has to be found exactly once. Meanwhile addresses that nobody added are asked for, of the same lines: none may be
 * found. At the end the table is empty, and so is its filter. Prints what went wrong, and exits with 1. With 0 ROUNDS
 * one thread adds all, and then takes all out.
 *
 * With -DPLANT an address is handed over before it is added. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../recorder/core/sampled.c"

static int threads, blocks;
static long rounds;
static atomic_long missed, ghosts, full, stale;
static pthread_barrier_t barrier;

/* From each thread to the next, a slot for each address: 0 it is with its owner, 1 it is handed over. */
static atomic_int *queues;

static void *address(int owner, int i)
{
    return (void *)(0x7f0000000000u + ((uintptr_t)owner * (uintptr_t)blocks + (uintptr_t)i) * 16);
}

static void *nobodys(int owner, int i)
{
    return (void *)((uintptr_t)address(owner, i) + 8);
}

static void *run(void *argument)
{
    const int own = (int)(intptr_t)argument, other = (own + threads - 1) % threads;
    atomic_int *out = queues + (size_t)own * (size_t)blocks, *in = queues + (size_t)other * (size_t)blocks;
    long given = 0, taken = 0;
    const long all = rounds * blocks;
    pthread_barrier_wait(&barrier);
    while (given < all || taken < all) {
        for (int i = 0; i < blocks; i++) {
            if (given < all && atomic_load_explicit(&out[i], memory_order_acquire) == 0) {
#ifdef PLANT
                atomic_store_explicit(&out[i], 1, memory_order_release);
#endif
                if (!ar_sampled_add(address(own, i)))
                    atomic_fetch_add(&full, 1);
#ifndef PLANT
                atomic_store_explicit(&out[i], 1, memory_order_release);
#endif
                given++;
            }
            if (atomic_load_explicit(&in[i], memory_order_acquire) == 1) {
                if (!ar_sampled_maybe(address(other, i)) || !ar_sampled_remove(address(other, i)))
                    atomic_fetch_add(&missed, 1);
                atomic_store_explicit(&in[i], 0, memory_order_release);
                taken++;
            }
            if (ar_sampled_remove(nobodys(own, i)))
                atomic_fetch_add(&ghosts, 1);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    threads = atoi(argv[1]);
    rounds = atol(argv[2]);
    blocks = atoi(argv[3]);
    queues = calloc((size_t)threads * (size_t)blocks, sizeof *queues);
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    if (!ar_sampled_map())
        return 2;
    for (int i = 0; rounds == 0 && i < blocks; i++)
        full += !ar_sampled_add(address(0, i));
    for (int i = 0; rounds == 0 && i < blocks; i++)
        missed += !ar_sampled_remove(address(0, i));
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, run, (void *)(intptr_t)i);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    for (int owner = 0; owner < threads; owner++)
        for (int i = 0; i < blocks; i++)
            if (ar_sampled_remove(address(owner, i)))
                atomic_fetch_add(&stale, 1);
    long counted = 0; /* one that reached the top stays */
    for (size_t i = 0; i < sizeof ar_sampled_filter; i++)
        counted += ar_sampled_filter[i] != 0 && ar_sampled_filter[i] != AR_SAMPLED_FILTER_TOP;
    printf("missed %ld ghosts %ld full %ld stale %ld counted %ld\n", (long)missed, (long)ghosts, (long)full,
           (long)stale, counted);
    return missed || ghosts || stale || counted;
}
