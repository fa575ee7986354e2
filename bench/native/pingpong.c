/* Two threads that take turns, told by counters as the replay worker's threads are: pauses first, then a futex.
 *
 *   pingpong [TURNS OF EACH] [PAUSES] [calls]
 *
 * With `calls` each turn frees a block and takes another, for a recording in which the threads take turns. Prints
 * nanoseconds per turn and how many turns began with a sleep.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct counter {
    _Alignas(64) _Atomic uint64_t done;
    _Atomic uint32_t sleepers;
};

static struct counter counters[2];
static long turns = 400000, pauses = 250;
static _Atomic long sleeps;
static int makes_calls;
static pthread_barrier_t barrier;

static inline void pause_once(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

static void await(struct counter *other, uint64_t done)
{
    for (long i = 0; i < pauses; i++) {
        if (atomic_load_explicit(&other->done, memory_order_acquire) >= done)
            return;
        pause_once();
    }
    /* Counted as asleep first, then looked again: the other tells first, then looks for sleepers. */
    atomic_fetch_add(&other->sleepers, 1);
    atomic_fetch_add_explicit(&sleeps, 1, memory_order_relaxed);
    uint64_t seen;
    while ((seen = atomic_load(&other->done)) < done)
        syscall(SYS_futex, &other->done, FUTEX_WAIT_PRIVATE, (uint32_t)seen, NULL, NULL, 0);
    atomic_fetch_sub(&other->sleepers, 1);
}

static void tell(struct counter *own, uint64_t done)
{
    atomic_exchange(&own->done, done);
    if (atomic_load(&own->sleepers) != 0)
        syscall(SYS_futex, &own->done, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *take_turns(void *argument)
{
    uintptr_t self = (uintptr_t)argument;
    void *volatile block = NULL;
    pthread_barrier_wait(&barrier);
    for (uint64_t turn = 1; turn <= (uint64_t)turns; turn++) {
        await(&counters[1 - self], self == 0 ? turn - 1 : turn);
        if (makes_calls) {
            free(block);
            block = malloc(64);
        }
        tell(&counters[self], turn);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        turns = atol(argv[1]);
    if (argc > 2)
        pauses = atol(argv[2]);
    makes_calls = argc > 3;
    pthread_t threads[2];
    pthread_barrier_init(&barrier, NULL, 2);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uintptr_t i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, take_turns, (void *)i);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
    printf("%.1f %ld\n", ns / (2.0 * (double)turns), (long)sleeps);
    return 0;
}
