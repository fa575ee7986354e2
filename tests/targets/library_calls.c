/* A library that allocates, frees a part, and frees what its opener hands it. In a thread of its own too. */
#include <pthread.h>
#include <stdlib.h>

static void *work(void *argument)
{
    for (int i = 0; i < 10; i++) {
        void *volatile block = malloc(821);
        block = realloc(block, 822);
        if (i < 5)
            free(block);
    }
    return argument;
}

void *take(void)
{
    pthread_t thread;
    void *aligned = NULL;
    work(NULL);
    if (pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, NULL) || posix_memalign(&aligned, 64, 823))
        abort();
    free(aligned);
    return calloc(1, 824);
}

void drop(void *taken)
{
    free(taken);
}
