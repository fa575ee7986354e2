/* With -DLIBRARY, a library whose constructor makes a call: it runs before that of the hook, which was loaded first.
 * Without, a program to link with it. */
#include <stdlib.h>

#ifdef LIBRARY
__attribute__((constructor)) static void call_early(void)
{
    free(malloc(123456));
}
#else
int main(void)
{
    return 0;
}
#endif
