/* Three functions that allocate; their symbols are given other names before this is linked. */
#include <stdlib.h>

#define ALLOCATES(name, size)                                                                                          \
    void *name(void);                                                                                                  \
    __attribute__((noinline)) void *name(void)                                                                         \
    {                                                                                                                  \
        void *block = malloc(size);                                                                                    \
        __asm__ volatile("" : "+r"(block)); /* no tail call */                                                         \
        return block;                                                                                                  \
    }

ALLOCATES(quoted, 1001)
ALLOCATES(invalid, 1002)
ALLOCATES(overlong, 1003)

int main(void)
{
    return quoted() && invalid() && overlong() ? 0 : 1;
}
