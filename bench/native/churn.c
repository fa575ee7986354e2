/* The churn of the brief: each thread keeps 4096 slots, picks one at random, frees what is in it and allocates anew: 16
 * to 272 bytes, one in sixteen up to 8 KiB. Prints nanoseconds per call and thread.
 *
 *   churn [CALLS PER THREAD] [THREADS]
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define SLOTS 4096

static long calls_per_thread = 4000000;
static pthread_barrier_t barrier;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *churn(void *argument)
{
    uint64_t state = 0x9e3779b97f4a7c15u * ((uintptr_t)argument + 1);
    void **slots = calloc(SLOTS, sizeof *slots);
    uint64_t *elapsed = malloc(sizeof *elapsed);
    for (int warm = 0; warm < 2; warm++) { /* the first pass fills the slots and warms the allocator */
        pthread_barrier_wait(&barrier);
        uint64_t start = now_ns();
        long calls = 0, end = warm ? calls_per_thread : 4 * SLOTS;
        while (calls < end) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            void **slot = &slots[state % SLOTS];
            uint64_t bits = state >> 20;
            size_t size = (bits & 15) == 0 ? 16 + (bits >> 4) % 8177 : 16 + (bits >> 4) % 257;
            if (*slot) {
                free(*slot);
                calls++;
            }
            *slot = malloc(size);
            *(char *)*slot = (char)size;
            calls++;
        }
        *elapsed = now_ns() - start;
    }
    return elapsed;
}

int main(int argc, char **argv)
{
    int threads = 2;
    if (argc > 1)
        calls_per_thread = atol(argv[1]);
    if (argc > 2)
        threads = atoi(argv[2]);
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, churn, (void *)(uintptr_t)i);
    double sum = 0;
    for (int i = 0; i < threads; i++) {
        void *elapsed;
        pthread_join(ids[i], &elapsed);
        sum += (double)*(uint64_t *)elapsed;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%.2f ns/call %ld KiB\n", sum / threads / (double)calls_per_thread, usage.ru_maxrss);
    return 0;
}
