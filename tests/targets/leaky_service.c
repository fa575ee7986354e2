/*
 * A service with twenty call sites that leak and forty that do not, each a function: leak_NN and fine_NN. A request a
 * half millisecond, by the clock, so that a machine that is busy does not bend the time. Blocks that are to be freed
 * later wait in a wheel, linked through themselves: it asks for no memory.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REQUESTS = 4000, PERIOD_NS = 500000 };

struct block {
    struct block *next;
};

static struct block *wheel[REQUESTS + 1];
static struct block *kept; /* what is leaked, still reachable or not: nobody frees it */
static struct block *at_exit;
static unsigned now;
static uint64_t state = 88172645463325252u;

static unsigned chance(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 11) % n);
}

static void keep(struct block *b)
{
    b->next = kept;
    kept = b;
}

static void free_after(struct block *b, unsigned requests)
{
    if (now + requests >= REQUESTS) { /* the program ends before: freed at exit, as orderly programs do */
        b->next = at_exit;
        at_exit = b;
        return;
    }
    b->next = wheel[now + requests];
    wheel[now + requests] = b;
}

static void free_list(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

/* A site: a function of its own, which touches what it got, so that it is no jump into malloc. */
#define SITE(name)                                                                                                     \
    __attribute__((noinline)) static struct block *name(size_t size)                                                   \
    {                                                                                                                  \
        struct block *b = malloc(size);                                                                                \
        memset(b, 1, size < 64 ? size : 64);                                                                           \
        return b;                                                                                                      \
    }
SITE(leak_00)
SITE(leak_01)
SITE(leak_02)
SITE(leak_03)
SITE(leak_04)
SITE(leak_05)
SITE(leak_06)
SITE(leak_07)
SITE(leak_08)
SITE(leak_09)
SITE(leak_11)
SITE(leak_12)
SITE(leak_13)
SITE(leak_14)
SITE(leak_15)
SITE(leak_16)
SITE(leak_17)
SITE(leak_18)
SITE(leak_19)
SITE(fine_00)
SITE(fine_01)
SITE(fine_02)
SITE(fine_03)
SITE(fine_04)
SITE(fine_05)
SITE(fine_06)
SITE(fine_07)
SITE(fine_08)
SITE(fine_09)
SITE(fine_10)
SITE(fine_11)
SITE(fine_12)
SITE(fine_13)
SITE(fine_14)
SITE(fine_15)
SITE(fine_16)
SITE(fine_17)
SITE(fine_18)
SITE(fine_19)
SITE(fine_20)
SITE(fine_21)
SITE(fine_30)
SITE(fine_31)
SITE(fine_32)
SITE(fine_33)
SITE(fine_34)
SITE(fine_35)
SITE(fine_36)
SITE(fine_37)
SITE(fine_38)
SITE(fine_39)
SITE(fine_26)
SITE(fine_27)
SITE(fine_28)
SITE(fine_29)

#define RESIZING(name)                                                                                                 \
    __attribute__((noinline)) static void *name(void *old, size_t size)                                                \
    {                                                                                                                  \
        char *b = realloc(old, size);                                                                                  \
        b[size - 1] = 1;                                                                                               \
        return b;                                                                                                      \
    }
RESIZING(leak_10)
RESIZING(fine_22)
RESIZING(fine_23)
RESIZING(fine_24)
RESIZING(fine_25)

/* Frees soon, but keeps one in so many for ever. */
static void mostly(struct block *b, unsigned kept_one_in, unsigned requests)
{
    if (chance(kept_one_in) == 0)
        keep(b);
    else
        free_after(b, requests);
}

static void leaks(void)
{
    static struct block *queue, **queue_end = &queue;
    static void *vector;
    keep(leak_00(16));
    mostly(leak_01(400), 7, 1);
    mostly(leak_02(64), 50, 1);
    mostly(leak_03(120), 300, 1);
    if (now % 700 == 100) /* six in all */
        keep(leak_04(2000));
    mostly(leak_05(17 + chance(100)), 20, 3);
    if (now % 500 < 20) /* in bursts */
        keep(leak_06(48));
    if (now > REQUESTS * 4 / 10) /* from the middle on */
        mostly(leak_07(80), 5, 2);
    if (now % 3 == 0) /* given back at exit */
        free_after(leak_08(96), REQUESTS);
    if (chance(50) == 0) /* where something failed */
        keep(leak_09(256));
    if (now % 5 == 0) /* a vector that only grows */
        vector = leak_10(vector, 64 + now * 16);
    mostly(leak_11(72), 10, 1 + chance(REQUESTS / 5));
    if (now % 10 == 0)
        keep(leak_12(32)); /* beside a megabyte that is meant to stay */
    mostly(leak_13(16 + chance(4000)), 20, 1);
    mostly(leak_14(200), 15, 30);
    struct block *waiting = leak_15(40); /* a queue that is filled faster than it is drained */
    waiting->next = NULL;
    *queue_end = waiting;
    queue_end = &waiting->next;
    if (now % 2) {
        struct block *first = queue;
        queue = first->next;
        if (!queue)
            queue_end = &queue;
        free(first);
    }
    if (now % 3 == 0) /* a cache that evicts nothing, of keys that never recur */
        keep(leak_16(112));
    if (now % 100 == 7)
        keep(leak_17(4096));
    if (now < REQUESTS * 7 / 10) /* mended while the program ran */
        mostly(leak_18(88), 9, 1);
    mostly(leak_19(56), 30, 400);
}

static void caches(void)
{
    static struct block *slots[4][512];
    static unsigned used[4];
    struct block *(*const sites[4])(size_t) = {fine_15, fine_16, fine_17, fine_18};
    static const unsigned sizes[4] = {64, 256, 512, 400}, one_in[4] = {1, 1, 3, 2};
    for (int c = 0; c < 4; c++) {
        if (chance(one_in[c]))
            continue;
        unsigned slot = used[c] < sizes[c] ? used[c]
                        : c % 2            ? chance(sizes[c])
                                           : used[c] % sizes[c]; /* first in, first out; or at random */
        free(slots[c][slot]);
        slots[c][slot] = sites[c](100 + 20 * (unsigned)c);
        used[c]++;
    }
}

static void buffers(void)
{
    static void *doubling, *reset, *line, *rare;
    static size_t doubled = 64, filled;
    if (now < REQUESTS / 2 && now * 16 > doubled) /* up to a size, then used again and again */
        doubling = fine_22(doubling, doubled *= 2);
    filled = now % 300 == 0 ? 64 : filled + 64;
    reset = fine_23(reset, filled);
    line = fine_24(line, 20 + chance(300));
    if (now == 1 || now == 200 || now == 900)
        rare = fine_25(rare, 1000 + now);
}

static void lists(void)
{
    static struct block *config, *batch, *table, *ring[64], *two[2];
    static size_t entries = 64;
    if (now % 600 == 0) { /* read anew */
        free_list(config);
        config = NULL;
        for (int i = 0; i < 50; i++) {
            struct block *b = fine_33(90);
            b->next = config;
            config = b;
        }
    }
    if (now < REQUESTS / 2 && now * 2 > entries) { /* a hash table */
        free(table);
        table = fine_34((entries *= 2) * 8);
    }
    free(ring[now % 64]);
    ring[now % 64] = fine_35(128);
    struct block *b = fine_36(60);
    b->next = batch;
    batch = b;
    if (now % 500 == 499) {
        free_list(batch);
        batch = NULL;
    }
    free_after(fine_37(150), chance(100) ? 10 : 1500);
    free(two[now % 2]);
    two[now % 2] = fine_38(300 + chance(50));
    unsigned load = now < REQUESTS / 2 ? now : REQUESTS - now; /* more, then less */
    for (unsigned i = 0; i < load / 400; i++)
        free_after(fine_39(70), 20);
}

static void requests(void)
{
    free_after(fine_00(32), 0);
    free_after(fine_01(64 + chance(64)), 1);
    free_after(fine_02(500), 10);
    free_after(fine_03(48), 100);
    free_after(fine_04(48), 400);
    free_after(fine_05(96), 1000);
    free_after(fine_06(24), 1600);
    if (now % 10 == 0)
        free_after(fine_07(3000), 5);
    if (chance(40) == 0)
        free_after(fine_08(1000), 50);
    free_after(fine_09(16), chance(3));
    unsigned life = 1;
    while (chance(80)) /* a mean of eighty */
        life++;
    free_after(fine_26(100), life);
    while (chance(200))
        life++;
    free_after(fine_27(100), life);
    for (int i = 0; i < 2; i++)
        free_after(fine_28(40), chance(REQUESTS * 3 / 10));
    if (now % 8 == 0)
        free_after(fine_29(800), chance(REQUESTS / 10));
    if (now == 40)
        keep(fine_30(4000));
    if (now == 40 || now == 400 || now == 1400) /* when first asked for */
        keep(fine_31(700));
    if (now < 1200 && now % 100 == 0)
        keep(fine_32(64));
    /* Pools: as many as were ever needed at a time. */
    if (now < 20)
        keep(fine_19(1024));
    if (now == 5 || now == 60 || now == 200 || now == 500)
        keep(fine_20(8192));
    if (now < 400 && chance(now + 1) < 4)
        keep(fine_21(512));
}

int main(void)
{
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    keep(fine_10(1 << 20));
    for (int i = 0; i < 1000; i++)
        keep(fine_11(32));
    for (int i = 0; i < 10; i++)
        keep(fine_12(5000));
    keep(fine_13(64));
    for (int i = 0; i < 100; i++)
        free_after(fine_14(200), i < 50 ? REQUESTS : 100);
    keep(leak_12(1 << 20));
    for (now = 0; now < REQUESTS; now++) {
        leaks();
        caches();
        buffers();
        lists();
        requests();
        free_list(wheel[now]);
        wheel[now] = NULL;
        due.tv_nsec += PERIOD_NS;
        due.tv_sec += due.tv_nsec / 1000000000;
        due.tv_nsec %= 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
    free_list(at_exit);
    return 0;
}
