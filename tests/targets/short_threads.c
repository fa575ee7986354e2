/* Many short-lived threads, eight at a time; each allocates one block of its own number and frees it. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static void *work(void *argument)
{
    void *volatile block = malloc((uintptr_t)argument);
    free(block);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[8];
    int total = argc > 1 ? atoi(argv[1]) : 2000;
    for (int i = 0; i < total; i += 8) {
        for (int k = 0; k < 8; k++)
            if (pthread_create(&threads[k], NULL, work, (void *)(uintptr_t)(i + k + 1)))
                return 1;
        for (int k = 0; k < 8; k++)
            pthread_join(threads[k], NULL);
    }
    return 0;
}
