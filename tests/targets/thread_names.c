/* Threads of few calls, each named otherwise. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>

static pthread_barrier_t named;

static void call(void)
{
    void *volatile block = malloc(10);
    free(block);
}

static void *names_itself(void *name)
{
    call();
    pthread_setname_np(pthread_self(), name);
    return NULL;
}

static void *tells_the_kernel(void *name)
{
    call();
    prctl(PR_SET_NAME, name);
    return NULL;
}

static void *is_named(void *argument)
{
    if (argument)
        call(); /* its first chunk has another name */
    pthread_barrier_wait(&named);
    call();
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    pthread_barrier_init(&named, NULL, 3);
    pthread_create(&threads[0], NULL, names_itself, "itself");
    pthread_create(&threads[1], NULL, tells_the_kernel, "by-the-kernel");
    pthread_create(&threads[2], NULL, is_named, NULL);
    pthread_setname_np(threads[2], "by-its-creator");
    pthread_create(&threads[3], NULL, is_named, &named);
    pthread_setname_np(threads[3], "a-name-that-is-too-long"); /* refused */
    pthread_setname_np(threads[3], "later");
    pthread_barrier_wait(&named);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    prctl(PR_SET_NAME, "last");
    return 0;
}
