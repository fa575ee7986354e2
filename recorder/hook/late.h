/* Loaded into a program that runs already: `allocreplay attach` has it open this library. Nothing leads here by the
 * order of the objects then, and nothing did before. docs/design/attach.md. */
#ifndef ALLOCREPLAY_LATE_H
#define ALLOCREPLAY_LATE_H

#include <stdbool.h>

/* What who attaches reads and writes from outside, by name (recorder/Attach/HookInside.cs). Nobody else's of that name
 * will do. */
#define AR_OUTSIDE __attribute__((visibility("protected")))

/* Before anything is looked up: whether that is so. */
bool ar_prepare_late(void);

/* Puts ours in the place of the program's functions. */
bool ar_attach_late(void);

#endif
