/* Waits for the end of its input where its first thread has as many KiB of its stack left as are named, of 512. */
#define _GNU_SOURCE
#include <alloca.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

int main(int count, char **arguments)
{
    const size_t limit = 512 << 10, left = count > 1 ? (size_t)atoi(arguments[1]) << 10 : 0;
    char c, *top = arguments[0];
    for (char **text = environ; *text; text++)
        top = *text > top ? *text : top;
    top += strlen(top); /* but for the program's name */
    if (setrlimit(RLIMIT_STACK, &(struct rlimit){limit, limit}) != 0)
        return 2;
    const size_t used = (size_t)(top - &c), size = limit - left - used;
    char *volatile taken = alloca(size);
    memset(taken, 0, size);
    if (write(1, "runs\n", 5) != 5)
        return 3;
    while (read(0, &c, 1) > 0)
        ;
    return 0;
}
