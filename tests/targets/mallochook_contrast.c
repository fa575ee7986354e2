/* What a hook that is removed gives: four threads allocate without a pause while hooks are added to gperftools'
 * MallocHook and removed, over and over. Calls of the hook that happen though its removal has returned are counted.
 *
 *   mallochook_contrast CYCLES WORK   prints "arrived N, inside M": cycles in which a hook was entered, or was still at
 * work, after the removal. WORK is how long a hook's body takes, in turns of a loop. mallochook_contrast allocates
 * until standard input ends, with no hooks of its own; for a recorder to be started and stopped on
 *
 * tcmalloc copies the list of hooks, then calls what it copied. What lies between widens the window: here another
 * tool's hook (a heap profiler's, say), which is first in the list, stays there all the time, and takes WORK as well.
 * Without it and with WORK 0 there are late arrivals too, a few in 10,000 cycles. */
#include <gperftools/malloc_hook_c.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int done, removed;
static atomic_int arrived, inside; /* in this cycle */
static int work_turns;

static void spin(int turns)
{
    for (volatile int i = 0; i < turns; i++)
        ;
}

static void observe(void)
{
    if (atomic_load(&removed))
        atomic_store(&arrived, 1);
    spin(work_turns);
    if (atomic_load(&removed)) /* here a recorder would write */
        atomic_store(&inside, 1);
}

static void other_new(const void *block, size_t size)
{
    (void)block, (void)size;
    spin(work_turns);
}

static void other_delete(const void *block)
{
    (void)block;
    spin(work_turns);
}

static void on_new(const void *block, size_t size)
{
    (void)block, (void)size;
    observe();
}

static void on_delete(const void *block)
{
    (void)block;
    observe();
}

static void *work(void *argument)
{
    for (unsigned long n = 0; !atomic_load_explicit(&done, memory_order_relaxed); n++) {
        void *volatile block = malloc(1 + n % 60000);
        free(block);
    }
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t threads[4];
    long cycles = argc > 1 ? atol(argv[1]) : 0, cycles_arrived = 0, cycles_inside = 0;
    char byte;
    work_turns = argc > 2 ? atoi(argv[2]) : 0;
    if (work_turns > 0 && (!MallocHook_AddNewHook(other_new) || !MallocHook_AddDeleteHook(other_delete)))
        return 2;
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            return 1;
    for (long i = 0; i < cycles; i++) {
        if (!MallocHook_AddNewHook(on_new) || !MallocHook_AddDeleteHook(on_delete))
            return 2;
        spin((int)(i % 101) * 100); /* so that removals fall on every moment of a call */
        if (!MallocHook_RemoveNewHook(on_new) || !MallocHook_RemoveDeleteHook(on_delete))
            return 2;
        atomic_store(&removed, 1);
        spin(10000);
        atomic_store(&removed, 0);
        /* Late calls that arrive only after this are missed. None is counted that was not late. */
        cycles_arrived += atomic_exchange(&arrived, 0);
        cycles_inside += atomic_exchange(&inside, 0);
    }
    if (cycles == 0)
        while (read(0, &byte, 1) > 0)
            ;
    atomic_store(&done, 1);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    if (cycles > 0)
        printf("arrived %ld, inside %ld\n", cycles_arrived, cycles_inside);
    return 0;
}
