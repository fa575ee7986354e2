/* Threads that allocate and free, without a system call of their own between their first call and their last.
 *
 *   steady THREADS CALLS
 */
#include <pthread.h>
#include <stdlib.h>

static long calls;

static void *work(void *argument)
{
    for (long i = 0; i < calls / 2; i++) {
        void *volatile block = malloc(16 + i % 100);
        free(block);
    }
    return argument;
}

int main(int argc, char **argv)
{
    int threads = atoi(argv[1]);
    pthread_t thread[64];
    calls = argc > 2 ? atol(argv[2]) : 1000;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[i], NULL, work, NULL))
            return 1;
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    return 0;
}
