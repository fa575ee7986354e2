/* keep_server CALLS PLANTED [fork] [paced]: two threads that free and take blocks all the time, and keep a block now
 * and then. Each of those it tells on standard output: its address, its size, and CLOCK_MONOTONIC before and after it
 * was taken, in ns. With fork, a child that takes and frees a few blocks is forked now and then; paced, it rests a
 * millisecond after each 100 calls. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 1024
#define THREADS 2

struct kept {
    void *block;
    size_t size;
    uint64_t before, after;
};

static long calls, planted;
static struct kept *kept[THREADS];
static int forks, paced;

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void keep(struct kept *k, size_t size, int again)
{
    k->before = now();
    /* Some come of a reallocation. */
    k->block = again ? realloc(malloc(8), size) : malloc(size);
    k->after = now();
    k->size = size;
}

static void child(void)
{
    if (fork() == 0) {
        for (int i = 0; i < 50; i++)
            free(malloc(100));
        _exit(0);
    }
    wait(NULL);
}

static void *work(void *arg)
{
    const uintptr_t me = (uintptr_t)arg;
    void *slots[SLOTS] = {0};
    uint64_t x = me * 88172645463325252u + 1;
    long next = 0;
    for (long i = 0; i < calls; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        void **slot = &slots[x % SLOTS];
        free(*slot);
        *slot = malloc(16 + (x >> 20) % 500);
        if (paced && i % 100 == 0)
            usleep(1000); /* sleeps: the load of a program that does something else as well */
        if (next < planted && i >= calls / planted * next) {
            keep(&kept[me][next], 1000 + (size_t)next, next % 5 == 0);
            next++;
            if (forks && me == 0 && next % 50 == 0)
                child();
        }
    }
    for (int i = 0; i < SLOTS; i++)
        free(slots[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    calls = atol(argv[1]);
    planted = atol(argv[2]);
    for (int i = 3; i < argc; i++) {
        forks |= strcmp(argv[i], "fork") == 0;
        paced |= strcmp(argv[i], "paced") == 0;
    }
    for (int i = 0; i < THREADS; i++)
        kept[i] = calloc((size_t)planted, sizeof *kept[i]);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        for (long k = 0; k < planted; k++)
            printf("%lx %zu %lu %lu\n", (unsigned long)kept[i][k].block, kept[i][k].size,
                   (unsigned long)kept[i][k].before, (unsigned long)kept[i][k].after);
    return 0;
}
