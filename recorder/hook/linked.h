/* Allocators whose functions no interposed name leads to: linked into the executable, whose calls do not leave it; or
 * in a library, under names of their own. */
#ifndef ALLOCREPLAY_LINKED_H
#define ALLOCREPLAY_LINKED_H

#include "detour.h"
#include "real.h"

/* Which of a call's arguments says what: 0 to 4, or one of these. */
enum {
    AR_IS_0 = 5,
    AR_IS_1,
    AR_IS_TEXT /* the size is that of the text which it returns */,
    AR_IS_FLAGS /* jemalloc's */
};

/* What a function does with blocks. */
enum ar_linked_shape {
    AR_LINKED_TAKE,      /* returns one */
    AR_LINKED_TAKE_INTO, /* stores one where the first argument says, and returns 0 */
    AR_LINKED_RESIZE,    /* takes one and returns one */
    AR_LINKED_GIVE,
};

struct ar_linked {
    const char *name;
    uint8_t shape; /* enum ar_linked_shape */
    uint8_t op;    /* enum ar_op; of a reallocation the first half */
    uint8_t block; /* of what resizes or gives: the argument */
    uint8_t size, count, alignment;
    bool throws; /* an exception may leave it */
    uintptr_t (*real)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);
};

/* The executable, where functions of it are recorded; else all zeros. */
extern struct ar_object ar_linked_program;

/* interpose_linked.c: what a call comes to instead, by shape. */
extern const void *const ar_linked_handlers[];

/* Finds them, and makes what it takes to have their calls. With `late`, nothing of the program's code is changed yet:
 * who attaches does that, while all threads are stopped. */
void ar_linked_find(bool late);

/* Those of libraries, as functions that are to lead elsewhere. Returns how many of them and `count` there are. */
size_t ar_linked_rebindings(struct ar_rebinding *list, size_t count);

/* AR_PROCESS_LINKED and AR_PROCESS_LINKED_PARTLY, as it came out. */
uint64_t ar_linked_flags(void);

/* The program's own malloc, where all objects' calls come to it; else NULL. */
const void *ar_linked_malloc(void);

#endif
