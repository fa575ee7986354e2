/* Four threads make a known number of every call. Blocks that thread i leaves behind are freed by thread i+1, so a
 * quarter of the frees cross threads. Nothing here uses stdio: the counts are exact. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define THREADS 4
#define ROUNDS 100

static pthread_barrier_t barrier;
static void *left[THREADS][ROUNDS];

static void *work(void *argument)
{
    uintptr_t self = (uintptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        void *volatile a = malloc(10 + i);
        void *volatile b = calloc(3, 7);
        void *volatile c = NULL;
        if (posix_memalign((void **)&c, 64, 100))
            abort();
        void *volatile d = aligned_alloc(32, 64);
        void *volatile e = memalign(128, 50);
        void *volatile f = valloc(5000);
        void *volatile g = pvalloc(100);
        a = realloc(a, 1000);
        b = reallocarray(b, 20, 9);
        void *volatile h = realloc(NULL, 77);
        void *volatile z = malloc(0);
        free(NULL);
        free(b), free(c), free(d), free(e), free(f), free(g), free(h), free(z);
        left[self][i] = a;
        if (malloc_usable_size(a) < 1000)
            abort();
    }
    /* Fails, and keeps the block. */
    if (realloc(left[self][0], PTRDIFF_MAX) || calloc(SIZE_MAX / 2, 4) || malloc(PTRDIFF_MAX))
        abort();
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < ROUNDS; i++)
        free(left[(self + 1) % THREADS][i]);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i))
            return 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
