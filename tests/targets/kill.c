/* Makes a known number of calls and kills itself. */
#include <signal.h>
#include <stdlib.h>

int main(void)
{
    for (int i = 0; i < 50000; i++) {
        void *volatile block = malloc(1 + i % 700);
        free(block);
    }
    raise(SIGKILL);
}
