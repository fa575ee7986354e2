/* What an object that is loaded says of itself. The loader is asked while the real functions are looked up, and never
 * in a call of the program: its lock may be held by a thread that waits for this one. */
#ifndef ALLOCREPLAY_OBJECT_H
#define ALLOCREPLAY_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

/* Where an object is in memory. All zeros: not known. */
struct ar_object {
    uintptr_t start, end;
};

static inline bool ar_is_in(const struct ar_object *object, const void *address)
{
    return (uintptr_t)address - object->start < object->end - object->start;
}

struct ar_object ar_object_of(const void *address);

/* From now on, whoever looks `name` up in the object that has `function` finds `instead`; with NULL, finds none there.
 * What is bound already stays so. Where the object's symbols cannot be changed, nothing happens. */
void ar_rebind(const char *name, const void *function, const void *instead);

#endif
