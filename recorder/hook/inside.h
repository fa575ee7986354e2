/* Calls that come while the guard is up: whose are they? */
#ifndef ALLOCREPLAY_INSIDE_H
#define ALLOCREPLAY_INSIDE_H

#include "recording.h"

/* Whether a call is the program's, though t->busy is not 0: from `caller`, or NULL of a release; `frame` is that of the
 * function of ours which it came to. */
bool ar_is_programs(struct ar_thread *t, const void *caller, const void *frame);

#endif
