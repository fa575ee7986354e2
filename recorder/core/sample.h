/* Which blocks are in a sample: a countdown of each thread's, over the bytes that it asks for or over its blocks.
 *
 * By bytes, points lie on the line of all bytes asked for, at random, one in `mean` of them: a Poisson process. A block
 * with a point in it is in the sample, so with probability 1 - exp(-max(size, 1) / mean), whatever its address, its
 * thread or its neighbours. By blocks, each is with probability 1 / mean. Both are one countdown: the gap to the next
 * point is an exponential variate, rounded down, so that P(gap >= n) = exp(-n / m), with m the mean number of bytes, or
 * -1 / ln(1 - 1 / mean) blocks. What is left of a gap has no memory: where a block has a point in it, a new gap begins
 * behind the block; where recording is stopped at the point, or the thread is new, or the process is, a new one begins
 * as well, and nothing is biased by it.
 *
 * A call on a block that is not in the sample costs a subtraction or the load of a byte, and a branch. */
#ifndef ALLOCREPLAY_SAMPLE_H
#define ALLOCREPLAY_SAMPLE_H

#include "recording.h"
#include "sampled.h"

/* Whether all is recorded that a block does; else what its thread's countdown chose. */
static inline bool ar_is_sampling(void)
{
    return ar_recording.sample_scheme != 0;
}

/* How far an acquisition takes the countdown. */
static inline uint64_t ar_sample_step(uint64_t bytes)
{
    return ar_recording.sample_scheme == AR_SAMPLE_BLOCKS || bytes == 0 ? 1 : bytes;
}

/* An acquisition, of a sample. True: it may be in the sample, and ar_sample_draws decides. A call that failed is in
 * none. */
static inline bool ar_sample_falls(struct ar_thread *t, const void *block, uint64_t bytes)
{
    return block && (t->sample_left -= (int64_t)ar_sample_step(bytes)) < 0;
}

/* After ar_sample_falls, or where the recording of this image began with the very call: whether the block is in the
 * sample. Begins the next gap. */
bool ar_sample_draws(struct ar_thread *t, uint64_t bytes);

/* A block gets into the sample. False: there is no room for it; it is counted among the lost. The recording goes on. */
bool ar_sample_add(const void *block);

/* Begins a sample by scheme and mean, from 2 to 2^32 - 1. A seed other than 0 makes runs of one thread repeatable.
 * False: there is no memory for it. */
bool ar_sample_begin(enum ar_sample_scheme scheme, uint64_t mean, uint64_t seed);

/* The mean of the exponential, in units of 2^-32, by which one block in `mean` is chosen: -1 / ln(1 - 1 / mean). Off by
 * less than 2^-31 of it. */
uint64_t ar_sample_mean_of_blocks(uint64_t mean);

/* A gap, by a generator whose state it moves on, and the mean in units of 2^-32: rounded down, after an error of less
 * than 2^-31. */
uint64_t ar_sample_gap(uint64_t *random, uint64_t mean);

#endif
