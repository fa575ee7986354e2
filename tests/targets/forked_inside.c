/* Allocates on one thread, forked by whoever likes to; a child of it goes on for a moment. The n-th block of the first
 * process has 1 + n % 1000 bytes.
 *
 *   forked_inside CALLS
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long calls = atol(argv[argc - 1]);
    pid_t self = getpid();
    signal(SIGCHLD, SIG_IGN);
    for (long n = 1, left = 20; n <= calls; n++) {
        void *volatile block = malloc(1 + (size_t)n % 1000);
        free(block);
        if (getpid() != self && left-- == 0)
            _exit(0);
    }
    return 0;
}
