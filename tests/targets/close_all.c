/* Closes every descriptor, as daemons do, opens a file of its own in the place, and goes on allocating. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    (void)argc;
    for (int fd = 3; fd < 4096; fd++)
        close(fd);
    for (int i = 0; i < 1200; i++)
        if (open(argv[1], O_RDWR | O_CREAT | O_APPEND, 0600) < 0)
            break;
    for (int i = 0; i < 100000; i++) {
        void *volatile block = malloc(1 + i % 700);
        free(block);
    }
    return 0;
}
