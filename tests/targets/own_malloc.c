/* A program with an allocator of its own: what is in it depends on how it is built. */
#include <stddef.h>
#include <unistd.h>

#ifdef HIDDEN
#define VISIBILITY __attribute__((visibility("hidden")))
#else
#define VISIBILITY
#endif

static _Alignas(16) char heap[1 << 20];
static size_t used;

#ifdef FILE_LOCAL
#define malloc file_local_malloc /* no malloc at all */
#define VISIBILITY_OF_MALLOC static
#else
#define VISIBILITY_OF_MALLOC VISIBILITY
#endif

VISIBILITY_OF_MALLOC void *malloc(size_t size)
{
    void *block = heap + used;
    used += (size + 15) & ~(size_t)15;
    return used <= sizeof heap ? block : NULL;
}

#ifdef WITH_HOOKS
int MallocHook_AddNewHook(void *hook)
{
    return hook != NULL;
}
#endif

int main(void)
{
    void *volatile block = malloc(77);
    usleep(500 * 1000); /* the recorder looks every 100 ms at what runs */
    return block ? 3 : 4;
}
