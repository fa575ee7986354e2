/* As many threads as are asked for, all alive at once: each allocates a block of its own number and waits for the rest.
 * Exit code 77: the machine does not give that many.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_barrier_t all;

static void *work(void *argument)
{
    void *volatile block = malloc((uintptr_t)argument);
    pthread_barrier_wait(&all);
    free(block);
    return NULL;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 10000;
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 32768);
    pthread_barrier_init(&all, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], &small, work, (void *)(uintptr_t)(i + 1)))
            _exit(77);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return 0;
}
