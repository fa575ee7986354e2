/*
 * A hook in whose malloc another thread walks the loader's list of objects, as one that unwinds does. It ends a process
 * that calls it with that list locked, in which such hooks wait for ever.
 */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WALKS = 2000, WAIT_SECONDS = 20 };

extern void *__libc_malloc(size_t size);

static sem_t asked, walked;
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int inside;
static int walks_left; /* none before the walker is there */

static int visit(struct dl_phdr_info *loaded, size_t size, void *argument)
{
    (void)loaded, (void)size, (void)argument;
    return 0;
}

static void *walk(void *argument)
{
    inside = 1;
    for (;;) {
        while (sem_wait(&asked) != 0)
            ;
        dl_iterate_phdr(visit, NULL);
        sem_post(&walked);
    }
    return argument;
}

static void need_loader(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_SECONDS;
    pthread_mutex_lock(&one);
    if (walks_left > 0) {
        walks_left--;
        sem_post(&asked);
        while (sem_timedwait(&walked, &until) != 0) {
            static const char text[] = "malloc was called with the loader locked\n";
            if (time(NULL) < until.tv_sec)
                continue; /* a signal */
            (void)!write(STDERR_FILENO, text, sizeof text - 1);
            _exit(1);
        }
    }
    pthread_mutex_unlock(&one);
}

__attribute__((constructor)) static void start(void)
{
    pthread_t walker;
    inside = 1;
    sem_init(&asked, 0, 0);
    sem_init(&walked, 0, 0);
    if (pthread_create(&walker, NULL, walk, NULL) != 0)
        _exit(2);
    walks_left = WALKS;
    inside = 0;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    if (!inside) {
        inside = 1;
        need_loader();
        inside = 0;
    }
    return __libc_malloc(size);
}
