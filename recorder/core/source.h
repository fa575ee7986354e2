/* Where the events come from. Each library that is built from the hook's core files defines these once: real.c, where
 * calls are interposed, and ../mallochook/mallochook.c, where the allocator tells. */
#ifndef ALLOCREPLAY_SOURCE_H
#define ALLOCREPLAY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

extern const uint64_t ar_source_flags; /* AR_PROCESS_* that every recording of this library carries */

/* Connects to the source before the first recording of this image begins. Called again in a forked child, where it does
 * nothing. False: there is none in this process, and the reason is written to stderr. */
bool ar_source_attach(void);

#endif
