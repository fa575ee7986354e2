/* A function whose first instructions are a jump to elsewhere, while what they were is done in a trampoline: so calls
 * that no symbol and no slot leads through can be had. For functions of the executable alone, which are there to the
 * end. x86-64; where another architecture is built for, there are none. */
#ifndef ALLOCREPLAY_DETOUR_H
#define ALLOCREPLAY_DETOUR_H

#include "object.h"

/* A jump of five bytes, in one page. */
struct ar_detour {
    uint64_t function;
    uint64_t before, after; /* its first eight bytes, of which five change */
};

#define AR_DETOURS_MAX 192

/* The first place near the program for stubs and trampolines. False: there is none. */
bool ar_detour_room(const struct ar_object *program);

/* Code that goes on to `handler` with all registers as they are, and `context` in the red zone, 128 bytes below the
 * stack's end. NULL: there is no room. */
void *ar_stub(const void *handler, const void *context);

/* Makes all that a detour of the function to `stub` takes, but does not change the function. Returns what does what the
 * function did; NULL: it begins in a way that cannot be moved. `size` is that of the function. */
void *ar_detour_prepare(const struct ar_symbol *function, const struct ar_object *program, const void *stub,
                        struct ar_detour *detour);

/* What it goes on to, where it does nothing else; NULL: it does more. */
const void *ar_goes_on_to(const struct ar_symbol *function, const struct ar_object *program);

/* No more is made: what was made can be run, and not be written. False: it may not be. */
bool ar_detour_seal(void);

/* Puts a jump in place. Only while this thread is the one there is, as another might be between the instructions that
 * go. False: the page may not be written. */
bool ar_detour_apply(const struct ar_detour *detour);

#endif
