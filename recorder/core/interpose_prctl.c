/* What a thread says of itself to the kernel and we have to know: its name, for its chunks; and that it is about to
 * have system calls, or the counter, taken away. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "record.h"

static int (*real_setname)(pthread_t, const char *);

void ar_prctl_resolve(void)
{
    real_setname = (int (*)(pthread_t, const char *))dlsym(RTLD_NEXT, "pthread_setname_np");
}

static void note_name(const char *name)
{
    memset(ar_self.name, 0, sizeof ar_self.name);
    memcpy(ar_self.name, name, strnlen(name, sizeof ar_self.name - 1));
    if (ar_self.place)
        memcpy(ar_self.tail->name, ar_self.name, sizeof ar_self.name);
}

/* Another thread's name is noted by nobody: its own state is its own. */
AR_EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    int error = real_setname ? real_setname(thread, name) : ENOSYS;
    if (!error && pthread_equal(thread, pthread_self()))
        note_name(name);
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
    /* Strict mode takes the counter away as well. */
    if ((option == PR_SET_SECCOMP && a == SECCOMP_MODE_STRICT) || (option == PR_SET_TSC && a == PR_TSC_SIGSEGV))
        ar_without_counter();
    long result = ar_sys(SYS_prctl, option, a, b, c, d);
    if (option == PR_SET_NAME && result == 0)
        note_name((const char *)a);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return (int)result;
}
