/* A few calls whose telling by MallocHook is known one by one. */
#include <stdlib.h>

int main(void)
{
    void *volatile a = malloc(100);
    void *volatile b = calloc(3, 7);
    a = realloc(a, 108);  /* stays: tcmalloc's block has 112 bytes */
    a = realloc(a, 5000); /* moves */
    void *volatile c = NULL;
    if (posix_memalign((void **)&c, 64, 100))
        return 1;
    free(b);
    free(NULL);
    free(c);
    a = realloc(a, 0); /* frees */
    return a != NULL;
}
