/* Opened by attached.c, later than the recorder. */
#include <stdlib.h>
#include <string.h>

static void *(*const take)(size_t) = malloc;

long allocate(void)
{
    char *copy = strdup("a block of the C library's own making");
    free(copy);
    for (int i = 0; i < 49; i++)
        free(take(48));
    return 100;
}
