/* The first thread holds one of the loader's locks, in a callback of dl_iterate_phdr, until another has ended, which
 * reads to the end of the input. The first never waits in a system call. Ends with 0 then. */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int ended;

static void *read_all(void *unused)
{
    char c;
    while (read(0, &c, 1) > 0)
        ;
    ended = 1;
    return unused;
}

static int hold(struct dl_phdr_info *object, size_t size, void *told)
{
    (void)object, (void)size, (void)told;
    if (write(1, "holds\n", 6) != 6)
        _exit(3);
    while (!ended)
        sched_yield();
    return 1;
}

int main(void)
{
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_all, NULL) != 0)
        return 2;
    dl_iterate_phdr(hold, NULL);
    return pthread_join(reader, NULL);
}
