/* What an object that is loaded says of itself. The loader is asked while the real functions are looked up, and never
 * in a call of the program: its lock may be held by a thread that waits for this one. */
#ifndef ALLOCREPLAY_OBJECT_H
#define ALLOCREPLAY_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
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

/* A function that is to be another from now on, for whoever calls it by this name. */
struct ar_rebinding {
    const char *name;
    const void *function, *instead; /* with NULL: there is none */
};

/* Whoever looks the name up in the object of `home`, which defines it as the function, finds the other. What is bound
 * already stays so. Where the object's symbols cannot be changed, nothing happens. */
void ar_rebind(const struct ar_rebinding *r, const void *home);

/* What is bound: the slots of all objects that are loaded, but for the one of `but`, through which they call the
 * functions or have their addresses. */
void ar_rebind_imports(const struct ar_rebinding *list, size_t count, const void *but);

/* A function, and how many bytes it has. */
struct ar_symbol {
    void *address; /* NULL: there is none */
    size_t size;
};

/* The first object, in the loader's order, that defines the name, but for the one of `but`: its definition, or NULL. */
void *ar_definition_of(const char *name, const void *but);

/* The same for many names, which takes the time of one walk through the objects. `found` is zero before. */
struct ar_wanted {
    const char *name;
    struct ar_symbol found;
};
void ar_definitions(struct ar_wanted *wanted, size_t count, const void *but);

/* How the page of an address of a loaded object is mapped: PROT_*. */
int ar_protection(const void *address);

/* The executable, and what is to be added to the addresses of its file. */
struct ar_object ar_program(uintptr_t *bias);

#endif
