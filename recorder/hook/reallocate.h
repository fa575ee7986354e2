/* A call that gives a block up and takes another, as the two events that it is written as. */
#ifndef ALLOCREPLAY_REALLOCATE_H
#define ALLOCREPLAY_REALLOCATE_H

#include "record.h"

/* One call, written when it has returned: what it did to the old block, stamped when that was given up, and to the new
 * one. */
struct ar_reallocation {
    enum ar_op begin, end;
    void *old, *block;
    size_t size, count;
    uint64_t entered;
};

/* What becomes of the old block of a reallocation, which is still this thread's: whether the call is to be recorded,
 * and the flag is up. Of a sample the block leaves it now, as the real call may give its address to another thread. */
static inline __attribute__((always_inline)) bool ar_reallocating(struct ar_thread *t, void *old, bool *held)
{
    *held = false;
    if (ar_is_sampling() && !AR_UNLIKELY(ar_sampled_maybe(old)))
        return false;
    const bool begun = ar_begin(t);
    *held = !ar_is_sampling() || (old && ar_sampled_remove(old));
    if (begun && !*held)
        ar_end(t);
    return begun && *held;
}

static inline __attribute__((always_inline)) void ar_both_halves(struct ar_thread *t, struct ar_reallocation r)
{
    uint64_t now = ar_now(), took = ar_took(r.entered, now);
    ar_event(t, r.begin, (struct ar_details){.address = r.old, .size = r.size, .count = r.count, .now = r.entered});
    ar_event(t, r.end,
             (struct ar_details){.address = r.block, .now = now, .duration = took, .stack = ar_stack(t, r.end)});
}

void ar_reallocated_of_sample(struct ar_thread *t, struct ar_reallocation r, bool held, bool wanted);

/* Both halves are written after the call, the first stamped before it: only then is known whether the new block is in a
 * sample. The flag stays up in between, so an interval has both halves or none; a tail has room for two events when it
 * has for one. */
static inline __attribute__((always_inline)) void ar_reallocated(struct ar_thread *t, struct ar_reallocation r,
                                                                 bool held, bool wanted)
{
    if (AR_UNLIKELY(ar_is_sampling())) {
        ar_reallocated_of_sample(t, r, held, wanted);
    } else if (wanted) {
        ar_both_halves(t, r);
        ar_end(t);
    }
}

#endif
