/* The gaps of a sample against what they are to be.
 *
 * Prints a line for each check: its name, what was found, what is expected, and how far the two may be apart. With
 * -DPLANT the mean of one block in n is that of a plain exponential, as if -1 / ln(1 - 1/n) were n. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../recorder/core/sample.c"
#include "../../recorder/core/sampled.c"

#define DRAWS 4000000

union ar_recording_page ar_recording_page __attribute__((aligned(4096)));

static void check(const char *name, double found, double expected, double within)
{
    printf("%s %.17g %.17g %.3g %s\n", name, found, expected, within, fabs(found - expected) <= within ? "ok" : "FAR");
}

/* The mean of one block in n, in units of 2^-32, against a logarithm of 64 bits. */
static void means_of_blocks(void)
{
    static const uint64_t n[] = {2, 3, 7, 10, 64, 100, 1000, 4097, 1000000, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
        long double expected = -1 / log1pl(-1 / (long double)n[i]);
#ifdef PLANT
        uint64_t mean = n[i] << 32;
#else
        uint64_t mean = ar_sample_mean_of_blocks(n[i]);
#endif
        check("mean", (double)((long double)mean / 4294967296.0L / expected), 1, 1.0 / (1u << 31));
    }
}

/* P(gap >= at) = exp(-at / mean) at several places, the mean, and that one gap says nothing of the next. */
static void gaps_of(double mean, uint64_t fixed, uint64_t seed)
{
    static const double at[] = {0.001, 0.1, 0.5, 1, 2, 5, 9};
    enum { TAILS = sizeof at / sizeof *at };
    long reached[TAILS] = {0};
    double sum = 0, products = 0, last = 0;
    for (long i = 0; i < DRAWS; i++) {
        double gap = (double)ar_sample_gap(&seed, fixed);
        for (int k = 0; k < TAILS; k++)
            reached[k] += gap >= ceil(at[k] * mean);
        sum += gap;
        products += gap * last;
        last = gap;
    }
    for (int k = 0; k < TAILS; k++) {
        double p = exp(-ceil(at[k] * mean) / mean);
        check("tail", (double)reached[k] / DRAWS, p, 5 * sqrt(p * (1 - p) / DRAWS));
    }
    /* Of a geometric variate with success p: (1 - p) / p, and deviation sqrt(1 - p) / p. */
    double p = -expm1(-1 / mean), expected = (1 - p) / p, deviation = sqrt(1 - p) / p, average = sum / DRAWS;
    check("average", average, expected, 5 * deviation / sqrt(DRAWS));
    check("correlation", (products / DRAWS - average * average) / (deviation * deviation), 0, 5 / sqrt(DRAWS));
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    means_of_blocks();
    gaps_of(524288, 524288ull << 32, seed);
    gaps_of(3, 3ull << 32, seed + 1);
    gaps_of(4294967295.0, 4294967295ull << 32, seed + 2);
    for (unsigned n = 2; n <= 1000; n *= 9) {
#ifdef PLANT
        uint64_t fixed = (uint64_t)n << 32;
#else
        uint64_t fixed = ar_sample_mean_of_blocks(n);
#endif
        gaps_of(-1 / log1p(-1.0 / n), fixed, seed + n);
    }
    return 0;
}
