/* Frees a block twice: an error of the program's own. */
#include <stdlib.h>

int main(void)
{
    void *volatile block = malloc(100);
    free(block);
    free(block);
    return 0;
}
