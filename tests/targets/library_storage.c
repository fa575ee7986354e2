/* A library with thread-local storage that is allocated at its first use. Threads use it, joined and detached ones; the
 * C library frees it long after they have ended, when it gives their stacks to others. */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#define THREADS 60

static __thread char storage[831];
static sem_t ended;

static void *use(void *argument)
{
    storage[0]++;
    sem_post(&ended);
    return argument;
}

void *take(void)
{
    sem_init(&ended, 0, 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, use, NULL))
            abort();
        if (i % 2)
            pthread_detach(thread);
        else
            pthread_join(thread, NULL);
        sem_wait(&ended);
    }
    /* Many at once: more stacks than the C library keeps. */
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, use, NULL))
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return NULL;
}

void drop(void *taken)
{
    (void)taken;
}
