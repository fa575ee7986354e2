/* A thread waits for another by the function that the first argument names. Meanwhile a signal handler of its own
 * allocates, and at last it is cancelled there: its cleanup handler and a destructor allocate and free.
 *
 * Blocks of 701 bytes, 10 of them, half freed, are the handler's; 3 of 702 and 1 of 703 end after the cancellation. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static sem_t may_end, about_to_wait, handled;
static pthread_t awaited;
static pid_t waiting_id;
static const char *how;
static void *volatile taken[10];
static volatile int signals;

static void *wait_for_may_end(void *argument)
{
    sem_wait(&may_end);
    return argument;
}

static void on_signal(int number)
{
    (void)number;
    taken[signals] = malloc(701);
    if (signals % 2)
        free(taken[signals]);
    signals++;
    sem_post(&handled);
}

static void clean_up(void *blocks)
{
    for (int i = 0; i < 3; i++)
        free(((void **)blocks)[i]);
}

static void *wait_for_thread(void *argument)
{
    const struct timespec far = {.tv_sec = 1l << 40};
    void *blocks[3] = {malloc(702), malloc(702), malloc(702)};
    pthread_setspecific(*(pthread_key_t *)argument, malloc(703));
    waiting_id = (pid_t)syscall(SYS_gettid);
    pthread_cleanup_push(clean_up, blocks);
    sem_post(&about_to_wait);
    if (!strcmp(how, "timedjoin"))
        pthread_timedjoin_np(awaited, NULL, &far);
    else if (!strcmp(how, "clockjoin"))
        pthread_clockjoin_np(awaited, NULL, CLOCK_MONOTONIC, &far);
    else if (!strcmp(how, "thrd_join"))
        thrd_join(awaited, NULL);
    else
        pthread_join(awaited, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

/* Between its word that it is about to wait and its sleep there is nothing that makes it sleep. */
static void await_sleep(pid_t thread)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    while (state != 'S') {
        FILE *file = fopen(path, "r");
        if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            abort();
        fclose(file);
    }
}

int main(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    pthread_key_t key;
    pthread_t waiting;
    void *result;
    how = argc > 1 ? argv[1] : "";
    sigaction(SIGUSR1, &action, NULL);
    sem_init(&may_end, 0, 0);
    sem_init(&about_to_wait, 0, 0);
    sem_init(&handled, 0, 0);
    pthread_key_create(&key, free);
    pthread_create(&awaited, NULL, wait_for_may_end, NULL);
    pthread_create(&waiting, NULL, wait_for_thread, &key);
    sem_wait(&about_to_wait);
    for (int i = 0; i < 10; i++) {
        await_sleep(waiting_id);
        pthread_kill(waiting, SIGUSR1);
        sem_wait(&handled);
    }
    pthread_cancel(waiting);
    pthread_join(waiting, &result);
    sem_post(&may_end);
    pthread_join(awaited, NULL);
    return result != PTHREAD_CANCELED;
}
