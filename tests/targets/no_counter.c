/* Allocates, gives up the right to read the processor's counter, and allocates on.
 *
 *   no_counter strict|tsc
 */
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void allocate(void)
{
    for (int i = 0; i < 5000; i++) {
        void *volatile block = malloc(16 + i % 100);
        free(block);
    }
}

int main(int argc, char **argv)
{
    allocate();
    if (strcmp(argv[argc - 1], "strict") == 0)
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    else if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV))
        return 1;
    allocate();
    syscall(SYS_exit, 7); /* strict mode allows no exit_group */
}
