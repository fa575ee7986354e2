/* Twenty thousand blocks, all live at once, then freed. */
#include <stdlib.h>

#define BLOCKS 20000

int main(void)
{
    static void *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = malloc(16 + i % 100);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return 0;
}
