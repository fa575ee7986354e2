/* Calls that come while the guard is up: whose are they? */
#ifndef ALLOCREPLAY_INSIDE_H
#define ALLOCREPLAY_INSIDE_H

#include "recording.h"

/* Whether a call is the program's, though t->busy is not 0: from `caller`; of a release, NULL. */
bool ar_is_programs(struct ar_thread *t, const void *caller);

#endif
