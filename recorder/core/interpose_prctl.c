/* What a thread says of itself to the kernel and we have to know: its name, for its chunks; and that it is about to
 * have system calls, or the counter, taken away. */
#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "record.h"
#include "stack.h"

static int (*real_setname)(pthread_t, const char *);

void ar_prctl_resolve(void)
{
    real_setname = (int (*)(pthread_t, const char *))ar_next("pthread_setname_np");
}

static void note_name(struct ar_thread *t, const char *name)
{
    char padded[sizeof t->name] = {0};
    memcpy(padded, name, strnlen(name, sizeof padded - 1));
    memcpy(t->name, padded, sizeof padded);
}

/* In the chunk that is being written: a thread of few calls has no other. */
void ar_show_name(struct ar_thread *t)
{
    if (t->header && t->header == ar_recording.header && t->place)
        memcpy(t->tail->name, t->name, sizeof t->name);
}

static void note_own_name(const char *name)
{
    note_name(&ar_self, name);
    ar_show_name(&ar_self);
}

/* Another thread's chunk is its own, and may be any thread's by the time it is written to. So that thread is made to
 * begin a new one at its next call. If it is just beginning one it overwrites the limit, and the name comes with the
 * chunk after that; not so with its first, see begin_thread.
 *
 * Its state lies as far from the thread's descriptor as ours from our own, as it is at a fixed place of each thread's
 * static storage. Before the real call, which reads the descriptor too: later, the thread may be gone. */
static void note_name_of(pthread_t thread, const char *name)
{
    struct ar_thread *t = (struct ar_thread *)((uintptr_t)&ar_self + ((uintptr_t)thread - (uintptr_t)pthread_self()));
    note_name(t, name);
    if (t->header && t->header == ar_recording.header)
        __atomic_store_n(&t->limit, NULL, __ATOMIC_RELEASE);
}

AR_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    if (!real_setname)
        return ENOSYS;
    bool is_self = pthread_equal(thread, pthread_self());
    if (!is_self && strlen(name) < sizeof ar_self.name)
        note_name_of(thread, name);
    int error = real_setname(thread, name);
    if (!error && is_self)
        note_own_name(name);
    return error;
}

AR_EXPORT int prctl(int option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    unsigned long a = va_arg(arguments, unsigned long), b = va_arg(arguments, unsigned long);
    unsigned long c = va_arg(arguments, unsigned long), d = va_arg(arguments, unsigned long);
    va_end(arguments);
    if (option == PR_SET_SECCOMP)
        ar_filtered();
    /* Without privileges this comes before a filter, which may be set by a call that we do not see. */
    if (option == PR_SET_NO_NEW_PRIVS)
        ar_stacks_filtered();
    /* Strict mode takes the counter away as well. */
    if ((option == PR_SET_SECCOMP && a == SECCOMP_MODE_STRICT) || (option == PR_SET_TSC && a == PR_TSC_SIGSEGV))
        ar_without_counter();
    long result = ar_sys(SYS_prctl, option, a, b, c, d);
    if (option == PR_SET_NAME && result == 0)
        note_own_name((const char *)a);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return (int)result;
}

int ar_ours_prctl(int option, ...) __attribute__((alias("prctl"), nothrow, leaf));
int ar_ours_pthread_setname_np(pthread_t thread, const char *name)
    __attribute__((alias("pthread_setname_np"), nothrow, leaf, nonnull(2)));
