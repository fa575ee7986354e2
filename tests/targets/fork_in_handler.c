/* A signal handler forks while the thread that it interrupted allocates; the child returns from the handler and goes on
 * for a moment. The n-th block of the parent has 1 + n % 1000 bytes.
 *
 *   fork_in_handler _Fork|fork
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern pid_t _Fork(void) __attribute__((weak));
static pid_t (*make)(void);
static volatile int children, is_child;

static void on_alarm(int signal)
{
    (void)signal;
    if (is_child || children >= 40)
        return;
    children++;
    if (make() == 0)
        is_child = 1;
}

int main(int argc, char **argv)
{
    struct itimerval often = {{0, 3000}, {0, 3000}};
    make = strcmp(argv[argc - 1], "_Fork") == 0 ? _Fork : fork;
    if (!make)
        return 77;
    signal(SIGCHLD, SIG_IGN);
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &often, NULL);
    for (unsigned long n = 1, last = 0; children < 40; n++) {
        void *volatile block = malloc(1 + n % 1000);
        free(block);
        if (is_child && last == 0)
            last = n + 20;
        if (is_child && n == last)
            _exit(0);
    }
    return 0;
}
