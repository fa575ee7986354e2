/* Makes a child in one of the ways there are; it, or the program it becomes, allocates 5 blocks of 1234 bytes.
 *
 *   children vfork | spawn | clone | chain N | leaf
 */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void allocate(void)
{
    for (int i = 0; i < 5; i++) {
        void *volatile block = malloc(1234);
        free(block);
    }
}

static int leaf(void)
{
    allocate();
    return 0;
}

int main(int argc, char **argv)
{
    char *child_arguments[] = {argv[0], "leaf", NULL};
    const char *how = argc > 1 ? argv[1] : "leaf";
    int status = 0;
    pid_t child = -1;
    if (strcmp(how, "leaf") == 0)
        return leaf();
    allocate();
    if (strcmp(how, "vfork") == 0) {
        child = vfork();
        if (child == 0) {
            execve(argv[0], child_arguments, environ);
            _exit(1);
        }
    } else if (strcmp(how, "spawn") == 0) {
        if (posix_spawn(&child, argv[0], NULL, NULL, child_arguments, environ))
            return 1;
    } else if (strcmp(how, "clone") == 0) {
        child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0)
            _exit(leaf());
    } else if (strcmp(how, "chain") == 0) {
        char left[16];
        int n = atoi(argv[2]);
        if (n == 0)
            return 0;
        snprintf(left, sizeof left, "%d", n - 1);
        execl(argv[0], argv[0], "chain", left, (char *)NULL);
        return 1;
    }
    return child < 0 || waitpid(child, &status, 0) != child ? 1 : status;
}
