/* keep_churn EVENTS RATE PLANTED: two threads free and take blocks, EVENTS calls in all at RATE a second, keep PLANTED
 * blocks, evenly in time, and fork a child now and then. It ends with a line for each block that it kept: its address,
 * its size, and CLOCK_MONOTONIC before and after it was taken, in ns. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 2, SLOTS = 4096, STEP = 4096 };

static struct kept {
    void *block;
    size_t size;
    uint64_t before, after;
} * kept[THREADS];
static uint64_t events, rate;
static long planted;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *work(void *arg)
{
    const uintptr_t me = (uintptr_t)arg;
    static __thread void *slots[SLOTS];
    const uint64_t rounds = events / THREADS / 2, start = now();
    uint64_t x = me * 88172645463325252u + 1;
    long next = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        void **slot = &slots[x % SLOTS];
        free(*slot);
        *slot = malloc(16 + (x >> 20) % ((x >> 40) % 16 ? 256 : 8192));
        if (next < planted / THREADS && i >= rounds / (uint64_t)(planted / THREADS) * (uint64_t)next) {
            struct kept *k = &kept[me][next];
            k->size = 100 + (size_t)next++;
            k->before = now();
            k->block = malloc(k->size);
            k->after = now();
            if (me == 0 && next % 25 == 0 && fork() == 0) {
                for (int n = 0; n < 1000; n++)
                    free(malloc(64));
                _exit(0);
            }
        }
        if (i % STEP == 0) {
            while (waitpid(-1, NULL, WNOHANG) > 0)
                continue;
            const uint64_t due = start + i * 2 * THREADS * 1000000000u / rate;
            const struct timespec until = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        }
    }
    for (int i = 0; i < SLOTS; i++)
        free(slots[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    events = strtoull(argv[1], NULL, 10);
    rate = strtoull(argv[2], NULL, 10);
    planted = atol(argv[3]);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        kept[i] = calloc((size_t)planted / THREADS, sizeof *kept[i]);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        for (long k = 0; k < planted / THREADS; k++)
            printf("%lx %zu %lu %lu\n", (unsigned long)kept[i][k].block, kept[i][k].size,
                   (unsigned long)kept[i][k].before, (unsigned long)kept[i][k].after);
    return 0;
}
