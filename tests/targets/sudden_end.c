/* Four threads allocate and free without a pause; once each has made 20,000 calls the main thread ends the process in
 * one of several ways, while they go on. The n-th block of a thread has 1 + n % 60000 bytes.
 *
 *   sudden_end abort | _exit | exit | exec
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4

static pthread_barrier_t warm;

static void *work(void *argument)
{
    (void)argument;
    for (unsigned long n = 1;; n++) {
        void *volatile block = malloc(1 + n % 60000);
        free(block);
        if (n == 20000)
            pthread_barrier_wait(&warm);
    }
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 2)
        return 0; /* what exec made of it */
    pthread_barrier_init(&warm, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, work, NULL))
            return 1;
    pthread_barrier_wait(&warm);
    if (strcmp(argv[1], "abort") == 0)
        abort();
    if (strcmp(argv[1], "_exit") == 0)
        _exit(7);
    if (strcmp(argv[1], "exec") == 0)
        execl(argv[0], argv[0], (char *)NULL);
    exit(8);
}
