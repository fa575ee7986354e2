/* Included into a build of the hook that forks in the middle of its slow path, as a signal handler might that comes
 * there: a few times at each place that has AR_LITMUS_FORK. The child goes on only when its parent has long left the
 * place, and written other chunks. With LITMUS_RAW_CLONE by a raw clone, of which the hook is not told.
 */
#ifndef LITMUS_FORK_H
#define LITMUS_FORK_H

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LITMUS_PLACES 2 /* of one source file */
#define LITMUS_FORKS 6  /* at each place; not at its first, as the first chunks are small */
#define LITMUS_PASSES 4 /* that the parent is ahead of its child */

#ifdef LITMUS_RAW_CLONE
#define LITMUS_MAKE_CHILD() syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)
#else
#define LITMUS_MAKE_CHILD() _Fork()
#endif

static inline void litmus_fork(int where)
{
    static int *passes; /* of the place, by the first process; shared with its children */
    static pid_t first;
    if (!passes) {
        passes = mmap(NULL, LITMUS_PLACES * sizeof *passes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        first = getpid();
    }
    if (getpid() != first)
        return;
    int pass = __atomic_add_fetch(&passes[where], 1, __ATOMIC_SEQ_CST);
    if (pass > 2 && pass <= 2 + LITMUS_FORKS && LITMUS_MAKE_CHILD() == 0)
        while (__atomic_load_n(&passes[where], __ATOMIC_SEQ_CST) < pass + LITMUS_PASSES && getppid() == first)
            sched_yield();
}

#define AR_LITMUS_FORK(where) litmus_fork(where)
#endif
