/* Its only thread allocates all the time, and most of that a signal handler waits in the middle of it: so malloc's
 * lock may be held by who seems to wait in a system call that only waits. Ends with 0 at the end of its input. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void wait_here(int signal)
{
    (void)signal;
    nanosleep(&(struct timespec){0, 20000000}, NULL); /* sleeps: the handler is to be found waiting */
}

static void *nothing(void *unused)
{
    return unused;
}

int main(void)
{
    struct pollfd input = {0, POLLIN, 0};
    pthread_t other; /* who was alone all the time takes no locks */
    if (pthread_create(&other, NULL, nothing, NULL) != 0 || pthread_join(other, NULL) != 0)
        return 2;
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = wait_here, .sa_flags = SA_RESTART}, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 25000}, {0, 25000}}, NULL);
    if (write(1, "runs\n", 5) != 5)
        return 3;
    while (poll(&input, 1, 0) <= 0) /* or a signal has come */
        for (int i = 0; i < 10000; i++)
            free(malloc(5000)); /* more than a thread's own cache takes */
    return 0;
}
