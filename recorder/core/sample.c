/* The random numbers of a sample. Integers throughout: a program may have made its floating point trap. */
#include "sample.h"

/* Splitmix64: numbers of 64 bits, by a state that any number may be. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static uint64_t next(uint64_t *random)
{
    return mix(*random += 0x9e3779b97f4a7c15u);
}

/* By J. von Neumann's comparisons (1951), which need no logarithm: of uniform numbers that fall, first > second > ...,
 * the run has an odd length with probability exp(-first). Then whole + first is the variate; else one more whole, and
 * again. Some 4.3 numbers are drawn; nothing is rounded but the numbers themselves, at 2^-64. */
uint64_t ar_sample_gap(uint64_t *random, uint64_t mean)
{
    for (uint64_t whole = 0;; whole++) {
        const uint64_t first = next(random);
        uint64_t last = first, drawn;
        bool odd = true;
        while ((drawn = next(random)) < last) {
            last = drawn;
            odd = !odd;
        }
        if (odd)
            return (uint64_t)(((unsigned __int128)whole * mean + (uint64_t)((unsigned __int128)first * mean >> 64)) >>
                              32);
    }
}

/* -ln(1 - 1/n) = 2 artanh(1/d) = 2 (1/d + 1/3d^3 + 1/5d^5 + ...), d = 2n - 1, in units of 2^-64. */
uint64_t ar_sample_mean_of_blocks(uint64_t mean)
{
    const uint64_t d = 2 * mean - 1;
    uint64_t sum = 0, power = (uint64_t)(((unsigned __int128)1 << 65) / d);
    for (uint64_t odd = 1; power; odd += 2, power = power / d / d)
        sum += power / odd;
    return (uint64_t)(((unsigned __int128)1 << 96) / sum);
}

bool ar_sample_begin(enum ar_sample_scheme scheme, uint64_t mean, uint64_t seed)
{
    if (!ar_sampled_map())
        return false;
    ar_recording.sample_mean = scheme == AR_SAMPLE_BLOCKS ? ar_sample_mean_of_blocks(mean) : mean << 32;
    ar_recording.sample_threads = 0;
    ar_recording.sample_scheme = (uint8_t)scheme;
    /* The last: whoever sees it sees the rest. */
    __atomic_store_n(&ar_recording.sample_seed, mix(seed) | 1, __ATOMIC_RELEASE);
    return true;
}

bool ar_sample_draws(struct ar_thread *t, uint64_t bytes)
{
    const uint64_t seed = __atomic_load_n(&ar_recording.sample_seed, __ATOMIC_ACQUIRE);
    bool falls = true;
    if (!seed)
        return false; /* another thread is beginning the recording */
    if (t->sample_of != seed) {
        /* This thread's first: its countdown was nobody's, or that of the process that this one was forked from. */
        const uint64_t number = __atomic_fetch_add(&ar_recording.sample_threads, 1, __ATOMIC_RELAXED);
        t->sample_of = seed;
        t->sample_random = mix(seed + mix(number));
        t->sample_left = (int64_t)ar_sample_gap(&t->sample_random, ar_recording.sample_mean);
        falls = (t->sample_left -= (int64_t)ar_sample_step(bytes)) < 0;
    }
    if (falls)
        t->sample_left = (int64_t)ar_sample_gap(&t->sample_random, ar_recording.sample_mean);
    return falls;
}

bool ar_sample_add(const void *block)
{
    const bool added = ar_sampled_add(block);
    if (!added && ar_recording.header)
        __atomic_fetch_add(&ar_recording.header->lost_events, 1, __ATOMIC_RELAXED);
    return added;
}
