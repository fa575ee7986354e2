/* A program with an allocator of its own: what is in it depends on how it is built. */
#include <stddef.h>
#include <unistd.h>

#if defined HIDDEN
#define VISIBILITY __attribute__((visibility("hidden")))
#elif defined FILE_LOCAL
#define VISIBILITY static __attribute__((noinline))
#else
#define VISIBILITY
#endif

static _Alignas(16) char heap[1 << 20];
static size_t used;

VISIBILITY void *malloc(size_t size)
{
    void *block = heap + used;
    used += (size + 15) & ~(size_t)15;
    return used <= sizeof heap ? block : NULL;
}

#ifndef FILE_LOCAL
VISIBILITY void free(void *block)
{
    (void)block;
}

VISIBILITY void *calloc(size_t count, size_t size)
{
    return malloc(count * size); /* zero, as it is used once */
}

VISIBILITY void *realloc(void *block, size_t size)
{
    return block ? NULL : malloc(size);
}
#endif

#ifdef WITH_HOOKS
int MallocHook_AddNewHook(void *hook)
{
    return hook != NULL;
}
#endif

/* With an argument, it goes on until its standard input ends. */
int main(int argc, char **argv)
{
    void *volatile block = malloc(77);
    char byte;
    (void)argv;
    while (argc > 1 && read(0, &byte, 1) > 0)
        ;
    return block ? 3 : 4;
}
