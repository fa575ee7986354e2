/* Allocates where the loader's lock of its list of objects is held. */
#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>

static int visit(struct dl_phdr_info *loaded, size_t size, void *argument)
{
    (void)loaded, (void)size, (void)argument;
    free(malloc(100));
    return 1;
}

int main(void)
{
    return dl_iterate_phdr(visit, NULL) == 1 ? 0 : 2;
}
