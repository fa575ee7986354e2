/* Two threads acquire and free at the same time, each as many blocks as a line of standard input says, and have done it
 * when it answers with the calls that both have made so far. The n-th block of a thread has 1 + n % 60000 bytes, and
 * every third is freed by the other thread. It answers with its own process id first.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 2

static pthread_barrier_t begin, end;
static long blocks, calls[THREADS];
static void *_Atomic given[THREADS];
static atomic_int done;

static void *work(void *argument)
{
    long me = (long)argument, n = 0;
    while (pthread_barrier_wait(&begin), !done) {
        for (long i = 0; i < blocks; i++, n++) {
            void *block = malloc(1 + n % 60000);
            calls[me]++;
            if (n % 3 == 0)
                block = atomic_exchange(&given[1 - me], block); /* what it has not taken yet */
            if (block) {
                free(block);
                calls[me]++;
            }
            if (n % 5 == 0 && (block = atomic_exchange(&given[me], NULL))) {
                free(block);
                calls[me]++;
            }
        }
        pthread_barrier_wait(&end);
    }
    return NULL;
}

static void answer(long number)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", number);
    if (write(1, text, (size_t)length) != length)
        abort();
}

/* By read(2), a byte at a time: stdio would acquire a buffer. */
static long read_number(void)
{
    long number = 0;
    char c;
    while (read(0, &c, 1) == 1 && c != '\n')
        number = 10 * number + c - '0';
    return number;
}

int main(void)
{
    pthread_t thread[THREADS];
    pthread_barrier_init(&begin, NULL, THREADS + 1);
    pthread_barrier_init(&end, NULL, THREADS + 1);
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, work, (void *)i))
            return 1;
    answer(getpid());
    while ((blocks = read_number()) > 0) {
        pthread_barrier_wait(&begin);
        pthread_barrier_wait(&end);
        answer(calls[0] + calls[1]);
    }
    done = 1;
    pthread_barrier_wait(&begin);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    return 0;
}
