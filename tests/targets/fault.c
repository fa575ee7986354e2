/* Allocates in two threads under a fault that it brings about itself, and says "done".
 *
 *   fault none | nofile | closefrom | chroot DIR | address_space | clearenv PROGRAM | clearenv_fork | nproc
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *churn(void *argument)
{
    for (long n = 0; n < 100000; n++) {
        void *volatile block = malloc(1 + n % 500);
        if (!block)
            return NULL;
        free(block);
    }
    return argument;
}

static int two_threads(void)
{
    pthread_attr_t small;
    pthread_t thread;
    void *result = NULL;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    if (pthread_create(&thread, &small, churn, &thread))
        return 3;
    if (!churn(&thread) || pthread_join(thread, &result) || !result)
        return 4;
    return 0;
}

static int forked(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(churn(&status) ? 0 : 5);
    return child < 0 || waitpid(child, &status, 0) != child ? 6 : status;
}

/* The limit does not hold for root, so its rights go first. More threads fail than one page of the recorder's own
 * memory has room for; afterwards there may be threads again. */
static int no_more_threads(void)
{
    struct rlimit before, none;
    pthread_t thread;
    if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
        return 7;
    getrlimit(RLIMIT_NPROC, &before);
    none = (struct rlimit){0, before.rlim_max};
    if (setrlimit(RLIMIT_NPROC, &none))
        return 8;
    for (int n = 0; n < 3000; n++)
        if (pthread_create(&thread, NULL, churn, &thread) != EAGAIN)
            return 9;
    if (fork() >= 0 || errno != EAGAIN)
        return 10;
    return setrlimit(RLIMIT_NPROC, &before) ? 11 : 0;
}

int main(int argc, char **argv)
{
    const char *fault = argc > 1 ? argv[1] : "none";
    int error = 0;
    if (strcmp(fault, "nofile") == 0) {
        struct rlimit few = {64, 64};
        if (setrlimit(RLIMIT_NOFILE, &few))
            return 1;
        while (dup(0) >= 0)
            ;
        error = errno == EMFILE ? forked() : 1;
    } else if (strcmp(fault, "closefrom") == 0) {
        for (int fd = 3; fd < 4096; fd++)
            close(fd);
        struct rlimit none = {3, 3};
        if (setrlimit(RLIMIT_NOFILE, &none))
            return 1;
    } else if (strcmp(fault, "chroot") == 0) {
        if (chroot(argv[2]) || chdir("/") || setgid(65534) || setuid(65534))
            return 1;
        error = forked();
    } else if (strcmp(fault, "address_space") == 0) {
        /* What is mapped now and 200,000 bytes: not enough for another slab of the recorder. */
        long pages = 0;
        FILE *statm = fopen("/proc/self/statm", "r");
        if (!statm || fscanf(statm, "%ld", &pages) != 1)
            return 1;
        fclose(statm);
        struct rlimit small = {(rlim_t)pages * 4096 + 200000, (rlim_t)pages * 4096 + 200000};
        if (setrlimit(RLIMIT_AS, &small))
            return 1;
    } else if (strcmp(fault, "clearenv") == 0) {
        clearenv();
        execl(argv[2], argv[2], "none", (char *)NULL);
        return 1;
    } else if (strcmp(fault, "nproc") == 0) {
        error = no_more_threads();
    } else if (strcmp(fault, "clearenv_fork") == 0) {
        clearenv();
        error = forked();
    }
    if (!error)
        error = two_threads();
    if (!error && write(1, "done\n", 5) != 5)
        return 2;
    return error;
}
