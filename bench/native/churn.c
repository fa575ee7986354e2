/* The churn of the brief: each thread keeps 4096 slots, picks one at random, frees what is in it and allocates anew: 16
 * to 272 bytes, one in sixteen up to 8 KiB. Prints nanoseconds per call and thread.
 *
 *   churn [CALLS PER THREAD] [THREADS] [tail|wait]
 *
 * With `tail` each call is timed by the counter, whose own cost is in the figures, and a second line has p50, p90, p99,
 * p99.9, p99.99 and the longest, in nanoseconds. With `wait` it says that it is ready, and begins at a line of its
 * input.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#define COUNTER() __rdtsc()
#else
static inline uint64_t COUNTER(void)
{
    uint64_t value;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
}
#endif

#define SLOTS 4096
#define STEPS 16 /* buckets to a power of two: each is 6 % wide */
#define BUCKETS (64 * STEPS)

static long calls_per_thread = 4000000;
static pthread_barrier_t barrier;
static int timed;
static uint64_t times[BUCKETS]; /* calls by ticks, of all threads */
static uint64_t longest;        /* in ticks */
static double ns_per_tick;

static unsigned bucket_of(uint64_t ticks)
{
    if (ticks < STEPS)
        return (unsigned)ticks;
    unsigned power = 63 - (unsigned)__builtin_clzll(ticks);
    return (power - 3) * STEPS + (unsigned)(ticks >> (power - 4) & (STEPS - 1));
}

/* The upper end of a bucket. */
static uint64_t end_of(unsigned bucket)
{
    if (bucket < STEPS)
        return bucket + 1;
    unsigned power = bucket / STEPS + 3;
    return (1ull << power) + ((uint64_t)(bucket % STEPS + 1) << (power - 4));
}

static void print_times(void)
{
    static const double shares[] = {0.5, 0.9, 0.99, 0.999, 0.9999};
    uint64_t all = 0;
    for (int i = 0; i < BUCKETS; i++)
        all += times[i];
    printf("tail");
    for (unsigned s = 0; s < sizeof shares / sizeof *shares; s++) {
        uint64_t below = 0;
        unsigned i = 0;
        while (i < BUCKETS - 1 && (double)(below += times[i]) < shares[s] * (double)all)
            i++;
        printf(" %.0f", (double)end_of(i) * ns_per_tick);
    }
    printf(" %.0f\n", (double)longest * ns_per_tick);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Times what is done once. */
#define TIMED(statement)                                                                                               \
    {                                                                                                                  \
        uint64_t before = timed ? COUNTER() : 0;                                                                       \
        statement;                                                                                                     \
        if (timed) {                                                                                                   \
            uint64_t took = COUNTER() - before;                                                                        \
            own[bucket_of(took)]++;                                                                                    \
            most = took > most ? took : most;                                                                          \
        }                                                                                                              \
    }

static void *churn(void *argument)
{
    uint64_t most = 0;
    uint64_t *own = calloc(BUCKETS, sizeof *own);
    uint64_t state = 0x9e3779b97f4a7c15u * ((uintptr_t)argument + 1);
    void **slots = calloc(SLOTS, sizeof *slots);
    uint64_t *elapsed = malloc(sizeof *elapsed);
    for (int warm = 0; warm < 2; warm++) { /* the first pass fills the slots and warms the allocator */
        for (int i = 0; i < BUCKETS; i++)
            own[i] = 0;
        most = 0;
        pthread_barrier_wait(&barrier);
        uint64_t start = now_ns(), ticks = COUNTER();
        long calls = 0, end = warm ? calls_per_thread : 4 * SLOTS;
        while (calls < end) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            void **slot = &slots[state % SLOTS];
            uint64_t bits = state >> 20;
            size_t size = (bits & 15) == 0 ? 16 + (bits >> 4) % 8177 : 16 + (bits >> 4) % 257;
            if (*slot) {
                TIMED(free(*slot))
                calls++;
            }
            TIMED(*slot = malloc(size))
            *(char *)*slot = (char)size;
            calls++;
        }
        *elapsed = now_ns() - start;
        if (argument == NULL)
            ns_per_tick = (double)*elapsed / (double)(COUNTER() - ticks);
    }
    for (int i = 0; i < BUCKETS; i++)
        __atomic_fetch_add(&times[i], own[i], __ATOMIC_RELAXED);
    uint64_t known = __atomic_load_n(&longest, __ATOMIC_RELAXED);
    while (most > known &&
           !__atomic_compare_exchange_n(&longest, &known, most, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
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
    timed = argc > 3 && strcmp(argv[3], "tail") == 0;
    if (argc > 3 && strcmp(argv[3], "wait") == 0) {
        puts("ready");
        fflush(stdout);
        getchar();
    }
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
    if (timed)
        print_times();
    return 0;
}
