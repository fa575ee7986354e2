/* What the C library allocates for threads, as tcmalloc tells of it: blocks that are remembered. */
#ifndef ALLOCREPLAY_THREAD_BLOCKS_H
#define ALLOCREPLAY_THREAD_BLOCKS_H

#include <stdbool.h>

/* Looks up the functions in which the C library frees them: at the start, as the loader must not be asked later. */
void ar_thread_ends_resolve(void);

/* Told in pthread_create. False: there is no room, and the block counts as one of the program's. */
bool ar_remember(const void *block);

/* Told to be freed in pthread_create, or where a thread is waited for. Whether it was one of these. */
bool ar_forget(const void *block);

#endif
