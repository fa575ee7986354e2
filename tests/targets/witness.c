/* Four threads, or as many as are asked for, allocate and free without a pause until standard input ends. The n-th
 * block of a thread has 1 + n % 60000 bytes, so that a recording shows whether it has every call of an interval. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int done;

static void *work(void *argument)
{
    for (unsigned long n = 0; !atomic_load_explicit(&done, memory_order_relaxed); n++) {
        void *volatile block = malloc(1 + n % 60000);
        free(block);
    }
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    int count = argc > 1 ? atoi(argv[1]) : 4;
    char byte;
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            return 1;
    while (read(0, &byte, 1) > 0)
        ;
    atomic_store(&done, 1);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
