/* Calls of jemalloc's own functions. */
#include <stddef.h>

void *mallocx(size_t size, int flags);
void *rallocx(void *block, size_t size, int flags);
void dallocx(void *block, int flags);

int main(void)
{
    void *block = mallocx(100, 0);
    block = rallocx(block, 10000, 0);
    dallocx(block, 0);
    return 0;
}
