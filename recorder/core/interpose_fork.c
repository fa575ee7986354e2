/* Forks in the middle of an event: a signal handler may make one while the thread that it interrupted writes. The child
 * goes on with that event when the handler returns, and would write it into a chunk that is its parent's, or take or
 * give one in its parent's name. So it is given memory of its own in the place of what it shares. What it does there is
 * nobody's: its own recording begins at its next call.
 *
 * fork() runs the handler below; _Fork(), which runs none, is wrapped. A raw clone from a handler is left open. */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record.h"

static pid_t (*real_fork)(void);

static void in_child(void)
{
    struct ar_thread *t = &ar_self;
    if (t->busy && t->header)
        ar_store->part(t);
}

void ar_fork_resolve(void)
{
    pthread_atfork(NULL, NULL, in_child);
    real_fork = (pid_t(*)(void))ar_next("_Fork");
}

AR_EXPORT pid_t _Fork(void);
AR_EXPORT pid_t _Fork(void)
{
    pid_t pid = real_fork ? real_fork() : (pid_t)ar_sys(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        in_child();
    return pid;
}

pid_t ar_ours__Fork(void) __attribute__((alias("_Fork"), nothrow, leaf));
