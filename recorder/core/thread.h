/* A thread's chunks: the first, the next, the last. */
#ifndef ALLOCREPLAY_THREAD_H
#define ALLOCREPLAY_THREAD_H

#include "chunk.h"

/* The name of a thread that nobody told us one for: the program's. */
extern char ar_first_name[16];

/* Above all frames of the first thread; 0: not known. */
extern uintptr_t ar_first_stack_top;

/* Begins the thread's stream. False: its calls cannot be recorded now; where `why` is set, no thread's can be any more.
 */
bool ar_thread_attach(struct ar_thread *t, struct ar_process *header, struct ar_why *why);

/* Begins a chunk: of the interval in t->interval, or because the last one is full. False: as above. */
bool ar_thread_next(struct ar_thread *t, struct ar_why *why);

/* Its last event but for the C library's own. */
void ar_thread_leave(struct ar_thread *t);

#endif
