#include "reallocate.h"

/* The new block is chosen as any other, by its own size: so each block is in the sample with the probability that its
 * size says, and whole lives are recorded of just these. A reallocation out of the sample is a release, one into it an
 * acquisition. An old block that keeps its place, as the call failed, stays in. */
AR_NOINLINE void ar_reallocated_of_sample(struct ar_thread *t, struct ar_reallocation r, bool held, bool wanted)
{
    const size_t bytes = r.size * r.count;
    bool chosen = ar_sample_falls(t, r.block, bytes) && ar_sample_draws(t, bytes), begun = wanted;
    if (chosen && !wanted)
        begun = ar_begin(t);
    chosen = chosen && begun && ar_sample_add(r.block);
    if (held && !r.block && r.size && r.count)
        ar_sample_add(r.old);
    const uint64_t now = ar_now(), took = ar_took(r.entered, now);
    if (wanted && (chosen || !r.block)) {
        ar_both_halves(t, r);
    } else if (wanted) {
        uint32_t stack = ar_stack(t, AR_FREE);
        ar_event(t, AR_FREE, (struct ar_details){.address = r.old, .now = r.entered, .duration = took, .stack = stack});
    } else if (chosen) {
        ar_event(t, AR_MALLOC, (struct ar_details){r.block, bytes, 1, 0, 0, now, took, ar_stack(t, AR_MALLOC)});
    }
    if (begun)
        ar_end(t);
}
