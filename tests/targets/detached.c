/* Threads that nobody waits for: 8 times 16 at once, each with a block of 851 bytes. Their stacks are more than the C
 * library keeps, so each that ends frees what it had allocated for others. */
#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>

#define THREADS 16

static pthread_barrier_t all;

static void *work(void *argument)
{
    void *volatile block = malloc(851);
    pthread_barrier_wait(&all);
    free(block);
    return argument;
}

static int threads(void)
{
    int count = -2; /* . and .. */
    DIR *tasks = opendir("/proc/self/task");
    while (tasks && readdir(tasks))
        count++;
    closedir(tasks);
    return count;
}

int main(void)
{
    pthread_attr_t detached;
    pthread_t thread;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_barrier_init(&all, NULL, THREADS);
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < THREADS; i++)
            if (pthread_create(&thread, &detached, work, NULL))
                return 1;
        while (threads() > 1)
            ;
    }
    return 0;
}
