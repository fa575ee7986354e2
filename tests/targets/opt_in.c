/* Threads that ask to be recorded, or do not. Sizes tell calls apart: those of 1000 and more are between an opt-in and
 * an opt-out. With "fork", a child goes on after the first thread has asked. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void (*record)(int);

static void call(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

static void run(void *(*work)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL) || pthread_join(thread, NULL))
        abort();
}

static void *never(void *nothing)
{
    call(10);
    return nothing;
}

static void *child_that_asks(void *nothing)
{
    call(20);
    record(1);
    call(1020);
    record(0);
    call(21);
    return nothing;
}

static void *root_that_asks(void *nothing)
{
    call(30);
    record(1);
    call(1030);
    run(child_that_asks);
    run(never); /* its creation is recorded, its calls are not */
    record(0);
    call(31);
    run(never); /* nothing of it is */
    return nothing;
}

int main(int argc, char **argv)
{
    record = (void (*)(int))dlsym(RTLD_DEFAULT, "allocreplay_record_thread");
    if (!record)
        return 2;
    call(40);
    run(never);
    run(root_that_asks);
    record(1);
    call(1040);
    if (argc > 1 && strcmp(argv[1], "fork") == 0) {
        pid_t child = fork();
        if (child == 0) {
            call(1050);
            record(0);
            call(50);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    record(0);
    call(41);
    return 0;
}
