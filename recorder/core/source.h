/* Where the events come from. Each library that is built from the hook's core files defines these once: ../hook/real.c,
 * where calls are interposed, and ../mallochook/mallochook.c, where the allocator tells. */
#ifndef ALLOCREPLAY_SOURCE_H
#define ALLOCREPLAY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

/* Looks up the functions behind those that the library wraps. */
void ar_resolve(void);

/* AR_PROCESS_* that every recording of this library carries, and the malloc whose object is named in its header. Known
 * once ar_resolve has run. */
uint64_t ar_source_flags(void);
const void *ar_source_malloc(void);

/* Connects to the source before the first recording of this image begins. Called again in a forked child, where it does
 * nothing. False: there is none in this process, and the reason is written to stderr. */
bool ar_source_attach(void);

#endif
