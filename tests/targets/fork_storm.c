/* Forks as often as is asked for while four threads allocate. Each child makes 10 calls and ends. The
 * n-th block of a thread has 1 + n % 60000 bytes.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int done, forked;

static void *work(void *argument)
{
    for (unsigned long n = 1; !atomic_load(&done); n++) {
        void *volatile block = malloc(1 + n % 60000);
        free(block);
        /* No further ahead than this, to keep the recording small; never blocked, so every fork falls amid calls. */
        while (n > 300 * (1 + (unsigned long)atomic_load(&forked)) && !atomic_load(&done))
            sched_yield();
    }
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t threads[4];
    int forks = argc > 1 ? atoi(argv[1]) : 2000, status, bad = 0;
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            return 1;
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (int n = 1; n <= 10; n++) {
                void *volatile block = malloc((size_t)n);
                free(block);
            }
            _exit(0);
        }
        atomic_store(&forked, i + 1);
        bad |= child < 0 || waitpid(child, &status, 0) != child || status != 0;
    }
    atomic_store(&done, 1);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return bad;
}
