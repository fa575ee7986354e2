/* Hides what it is from others of its user, then allocates.
 *
 *   undumpable CALLS
 */
#include <stdlib.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
    if (argc < 2 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 1;
    for (long i = atol(argv[1]); i > 0; i--) {
        void *volatile block = malloc(64);
        free(block);
    }
    return 0;
}
