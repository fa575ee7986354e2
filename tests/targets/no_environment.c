/* Overwrites its environment, as programs do that set their title, and waits until standard input ends. */
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(void)
{
    char byte;
    for (char **e = environ; *e; e++)
        memset(*e, 0, strlen(*e));
    while (read(0, &byte, 1) > 0)
        ;
    return 0;
}
