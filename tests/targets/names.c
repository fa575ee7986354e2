/* Threads that name themselves, by each of the two calls, after they have allocated; and one that keeps its parent's
 * name. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>

static void *work(void *name)
{
    void *volatile before = malloc(100);
    free(before);
    if (name && *(char *)name == 'p')
        prctl(PR_SET_NAME, name, 0, 0, 0);
    else if (name)
        pthread_setname_np(pthread_self(), name);
    void *volatile after = malloc(200);
    free(after);
    return NULL;
}

int main(void)
{
    char *names[] = {"prctl-named", "set-by-pthread", NULL};
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, names[i]))
            return 1;
        pthread_join(thread, NULL);
    }
    return 0;
}
