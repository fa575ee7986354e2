/* As loader_held.c, of a lock of the loader's that is held while a library's constructor runs: it is its own. */
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

__attribute__((constructor)) static void hold(void)
{
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_all, NULL) != 0 || write(1, "holds\n", 6) != 6)
        _exit(3);
    while (!ended)
        sched_yield();
    pthread_join(reader, NULL);
}
