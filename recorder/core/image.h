/* The recording of one process image: its start, in a program or in a forked child, its end, and its failure. */
#ifndef ALLOCREPLAY_IMAGE_H
#define ALLOCREPLAY_IMAGE_H

#include "thread.h"

/* Whether the thread may write events now, until its flag is taken down: attaches it, begins its next chunk, begins the
 * recording of a forked child. The slow path of ar_begin. */
bool ar_ready(struct ar_thread *t);

/* A filter of system calls is about to be in place. */
void ar_filtered(void);

/* Ends this image's recording, for good. */
void ar_fail(struct ar_why why);

#endif
