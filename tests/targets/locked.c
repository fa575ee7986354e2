/* Has all its memory locked, of later, too, and waits for the end of its input. "may not": where it may not. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    char c;
    const char *said = mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? "runs\n" : "may not\n";
    if (write(1, said, strlen(said)) < 0)
        return 3;
    while (read(0, &c, 1) > 0)
        ;
    return 0;
}
