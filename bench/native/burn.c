/* Takes PERCENT of a processor's time, in bits of a millisecond, until it is killed: what a recorder's other process
 * costs a program only by being there.
 *
 *   burn PERCENT
 */
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    const double share = argc > 1 ? atof(argv[1]) / 100 : 0;
    for (;;) {
        uint64_t start = now_ns(), busy = (uint64_t)(share * 2e6);
        while (now_ns() - start < busy) {
        }
        struct timespec rest = {.tv_nsec = (long)((1 - share) * 2e6)};
        nanosleep(&rest, NULL);
    }
}
