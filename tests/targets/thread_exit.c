/* A thread that allocates in every round of its thread-specific-data destructors: each must be recorded. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static pthread_key_t key;

static void again(void *value)
{
    uintptr_t round = (uintptr_t)value;
    void *volatile block = malloc(1000 + round);
    free(block);
    if (round < 4)
        pthread_setspecific(key, (void *)(round + 1));
}

static void *work(void *argument)
{
    pthread_setspecific(key, (void *)1);
    return argument;
}

int main(void)
{
    pthread_t thread;
    pthread_key_create(&key, again);
    if (pthread_create(&thread, NULL, work, NULL))
        return 1;
    return pthread_join(thread, NULL);
}
