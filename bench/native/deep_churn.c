/* A churn as that of churn.c, on one thread, under a known number of frames. With one stack the calls are all made by
 * one activation; with more, the lowest ten frames change every 20 calls.
 *
 * Prints nanoseconds of processor time for a call: what else runs on the machine counts less than by the clock.
 *
 *   deep_churn CALLS DEPTH STACKS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KEPT __attribute__((noinline, noclone))
#define SLOTS 4096
#define BURST 20   /* calls by one stack */
#define VARYING 10 /* frames: two functions for each */

static void *slots[SLOTS];
static uint64_t state = 0x9e3779b97f4a7c15u;
static long left;

KEPT void churn(long calls)
{
    for (long end = left - calls; left > end;) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        void **slot = &slots[state % SLOTS];
        const uint64_t bits = state >> 20;
        if (*slot) {
            free(*slot);
            left--;
        }
        *slot = malloc((bits & 15) == 0 ? 16 + (bits >> 4) % 8177 : 16 + (bits >> 4) % 257);
        *(char *)*slot = (char)bits;
        left--;
    }
}

KEPT void left_of(int depth, unsigned path, long calls);
KEPT void right_of(int depth, unsigned path, long calls);

#define GO_DOWN                                                                                                        \
    if (depth == 0)                                                                                                    \
        churn(calls);                                                                                                  \
    else if (depth <= VARYING && path >> (depth - 1) & 1)                                                              \
        right_of(depth - 1, path, calls);                                                                              \
    else                                                                                                               \
        left_of(depth - 1, path, calls);                                                                               \
    __asm__ volatile("");

void left_of(int depth, unsigned path, long calls)
{
    GO_DOWN
}

void right_of(int depth, unsigned path, long calls)
{
    GO_DOWN
    __asm__ volatile("nop");
}

/* The upper frames stay; only the lower ones are left and entered again. */
KEPT void vary(unsigned stacks)
{
    while (left > 0) {
        const unsigned path = (unsigned)(state >> 40) % stacks;
        if (path & 1 << (VARYING - 1))
            right_of(VARYING - 1, path, BURST);
        else
            left_of(VARYING - 1, path, BURST);
    }
}

KEPT void keep(int depth, unsigned stacks)
{
    if (depth > 0)
        keep(depth - 1, stacks);
    else if (stacks > 1)
        vary(stacks);
    else
        left_of(VARYING - 1, 0, left);
    __asm__ volatile("");
}

static double pass(long calls, int depth, unsigned stacks)
{
    struct timespec from, to;
    left = calls;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    /* main, pass, keep …, vary, ten that vary, churn; what calls main is not counted */
    keep(depth > VARYING + 4 ? depth - VARYING - 4 : 0, stacks);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / (double)calls;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    const long calls = atol(argv[1]);
    const int depth = atoi(argv[2]);
    const unsigned stacks = (unsigned)atoi(argv[3]);
    pass(8 * SLOTS, depth, stacks); /* fills the slots, warms the allocator */
    printf("%.2f ns/call\n", pass(calls, depth, stacks));
    return 0;
}
