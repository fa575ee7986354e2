/* The kernel: its calls, and its clocks beside the counter. */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "process.h"

long ar_sys_six(long number, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1)
        result = -errno;
    errno = saved;
    return result;
}

uint64_t ar_monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void ar_read_clocks(uint64_t *ticks, uint64_t *ns)
{
    /* The pair is as good as the two readings are close: keep the closest of a few. */
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t before = ar_ticks(), now = ar_monotonic_ns(), after = ar_ticks();
        if (after - before < best) {
            best = after - before;
            *ticks = before + (after - before) / 2;
            *ns = now;
        }
    }
}
