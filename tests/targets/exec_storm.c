/* Four threads allocate without pause, and fork so many times for each byte of standard input, until that ends. Every
 * second child becomes another image of this program, which makes some calls and ends.
 *
 *   exec_storm WORK FORKS     WORK: steps of something else between two calls
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int done, bad;
static atomic_long forks_left;
static char *self;
static long work_steps;

static void allocate(int times)
{
    for (int n = 1; n <= times; n++) {
        void *volatile block = malloc((size_t)n);
        free(block);
        for (volatile long step = 0; step < work_steps; step++)
            ;
    }
}

static void *work(void *argument)
{
    for (unsigned long n = 0; !atomic_load(&done); n++) {
        allocate(100);
        if (atomic_fetch_sub(&forks_left, 1) <= 0) {
            atomic_fetch_add(&forks_left, 1);
            continue;
        }
        pid_t child = fork();
        if (child == 0) {
            allocate(10);
            if (n % 2)
                execl(self, self, "child", (char *)NULL);
            _exit(n % 2);
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            atomic_store(&bad, 1);
    }
    return argument;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0) {
        allocate(20);
        return 0;
    }
    self = argv[0];
    long forks = atol(argv[argc - 1]);
    work_steps = argc > 2 ? atol(argv[1]) : 0;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            return 2;
    char byte;
    while (read(0, &byte, 1) > 0)
        atomic_fetch_add(&forks_left, forks);
    atomic_store(&done, 1);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&bad);
}
