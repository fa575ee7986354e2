/* The kernel: its calls, and its clocks beside the counter. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "system.h"

long ar_sys_six(long number, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1)
        result = -errno;
    errno = saved;
    return result;
}

static bool loaded, error_left;

static void forget_error(void)
{
    (void)dlerror(); /* what we did not find is no error of the program's */
    (void)dlerror(); /* and its text is freed here: what we allocated is not for the program to free */
}

/* The first malloc of a program may be one of newlocale, in a constructor that runs before ours. It holds the C
 * library's lock of locales then, which dlerror takes too, to translate its text, and gives back as if it had got it:
 * whoever locks it later (freelocale, when the program ends) would wait for ever. So errors of that time are forgotten
 * when we are loaded. */
void *(*ar_look_up)(const char *name);

void *ar_next(const char *name)
{
    if (ar_look_up)
        return ar_look_up(name);
    void *function = dlsym(RTLD_NEXT, name);
    if (!function && loaded)
        forget_error();
    else if (!function)
        error_left = true;
    return function;
}

void ar_loaded(void)
{
    loaded = true;
    if (error_left)
        forget_error();
}

void *ar_part_from(void *shared, size_t size, bool may_move, bool *parted)
{
    /* From nothing of its old size: a second view of the same pages. */
    long second = may_move ? ar_sys(SYS_mremap, shared, 0, size, MREMAP_MAYMOVE) : 0;
    long own = ar_sys(SYS_mmap, shared, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    *parted = own == (long)shared;
    if (second > -4096 && second <= 0)
        return NULL;
    if (!*parted)
        ar_sys(SYS_munmap, second, size); /* all stays as it was */
    return *parted ? (void *)second : NULL;
}

uint64_t ar_monotonic_ns(void)
{
    /* The kernel's: a program may have a clock_gettime of its own. */
    struct timespec t = {0};
    ar_sys(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void ar_read_clocks(uint64_t *ticks, uint64_t *ns)
{
    /* The pair is as good as the two readings are close: keep the closest of a few. */
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t before = ar_ticks(), now = ar_monotonic_ns(), after = ar_ticks();
        if (after - before < best) {
            best = after - before;
            *ticks = before + (after - before) / 2;
            *ns = now;
        }
    }
}

/* A raw clone leaves the C library with its parent's ids. */
static bool ids_are_stale;

/* The C library keeps the id of each thread; 0 where it does not tell. */
static uint32_t library_thread_id(void)
{
#ifdef __GLIBC__
    /* glibc notes it as the owner of a mutex that checks for errors, and asks the kernel in gettid. */
    pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    if (pthread_mutex_lock(&mutex) != 0)
        return 0;
    uint32_t id = (uint32_t)mutex.__data.__owner;
    pthread_mutex_unlock(&mutex);
    return id;
#else
    return (uint32_t)gettid(); /* musl's asks nobody */
#endif
}

uint32_t ar_thread_id(void)
{
    uint32_t id = ids_are_stale ? 0 : library_thread_id();
    return id ? id : (uint32_t)ar_sys(SYS_gettid);
}

uint32_t ar_own_pid(uint32_t parents)
{
    uint32_t id = ar_thread_id();
    ids_are_stale = id == parents;
    return ids_are_stale ? (uint32_t)ar_sys(SYS_getpid) : id;
}
