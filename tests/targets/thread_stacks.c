/* Eight threads wait for the end of the input; the first, who never waits in a system call, ends with 0 when they
 * have.
 *
 *   cut N    their stacks of N KiB are cut out of one mapping, without guards
 *   guard N  their stacks are the C library's, with guards of N KiB */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 8

static atomic_int waiting, ended;

static void *wait_for_end(void *unused)
{
    char c;
    waiting++;
    while (read(0, &c, 1) > 0)
        ;
    ended++;
    return unused;
}

int main(int count, char **arguments)
{
    if (count < 3)
        return 1;
    const size_t size = (size_t)atoi(arguments[2]) << 10;
    pthread_t threads[THREADS];
    pthread_attr_t attributes;
    char *memory = mmap(NULL, THREADS * size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_attr_init(&attributes);
        if (strcmp(arguments[1], "cut") == 0)
            pthread_attr_setstack(&attributes, memory + (size_t)i * size, size);
        else
            pthread_attr_setguardsize(&attributes, size);
        if (pthread_create(&threads[i], &attributes, wait_for_end, NULL) != 0)
            return 2;
    }
    while (waiting < THREADS)
        sched_yield();
    if (write(1, "runs\n", 5) != 5)
        return 3;
    while (ended < THREADS)
        sched_yield();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
