/* A program that is attached to while it runs. Its threads allocate and count what they do; it does what it is told,
 * a line each, and answers when it has:
 *
 *   go     they work, until
 *   hold   they wait for a condition: the answer is how many calls they have made so far
 *   open   opens a library that allocates by itself, calls it, and closes it: how many calls that made
 *   fork   forks a child that makes 1,000 calls
 *   thread creates a thread that makes 1,000 calls, and joins it
 *   leave  its first thread ends, and another does what it is told
 *   forbid it forbids itself to make code: 0 where the kernel can do that
 *
 * At the end of its input it ends, with 0 if no block had been changed by others. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 64

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int threads, waiting, held = 1, ended;
static atomic_bool shall_wait = true;
static atomic_int wrong;
static long calls[4096];

static void wait_while_held(void)
{
    pthread_mutex_lock(&mutex);
    waiting++;
    pthread_cond_broadcast(&changed);
    while (held && !ended)
        pthread_cond_wait(&changed, &mutex);
    waiting--;
    pthread_mutex_unlock(&mutex);
}

/* A step is two calls. */
static void step(unsigned char **blocks, size_t *sizes, unsigned *random, long *count)
{
    unsigned i = (*random = *random * 1103515245 + 12345) >> 16 & (BLOCKS - 1);
    for (size_t n = 0; n < sizes[i]; n++)
        if (blocks[i][n] != (unsigned char)i)
            wrong++;
    if (*random & 1 << 24) {
        free(blocks[i]);
        sizes[i] = 1 + (*random >> 8 & 255);
        blocks[i] = malloc(sizes[i]);
    } else {
        sizes[i] = 1 + (*random >> 8 & 255);
        blocks[i] = realloc(blocks[i], sizes[i]);
        free(calloc(1, 16));
        ++*count;
    }
    memset(blocks[i], (int)i, sizes[i]);
    *count += 2;
}

static void *work(void *number)
{
    unsigned random = (unsigned)(long)number;
    unsigned char *blocks[BLOCKS] = {0};
    size_t sizes[BLOCKS] = {0};
    while (!ended) {
        if (shall_wait)
            wait_while_held();
        else
            step(blocks, sizes, &random, &calls[(long)number]);
    }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return NULL;
}

static void *thousand(void *nothing)
{
    for (int i = 0; i < 500; i++)
        free(malloc(100));
    return nothing;
}

static long hold(void)
{
    long all = 0;
    pthread_mutex_lock(&mutex);
    held = 1;
    shall_wait = true;
    while (waiting < threads)
        pthread_cond_wait(&changed, &mutex);
    for (int i = 0; i < threads; i++)
        all += calls[i];
    pthread_mutex_unlock(&mutex);
    return all;
}

static void let_go(int end)
{
    pthread_mutex_lock(&mutex);
    held = 0;
    ended = end;
    shall_wait = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static long forked(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        thousand(NULL);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && status == 0 ? child : -1;
}

static long opened(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
    long (*call)(void) = library ? (long (*)(void))dlsym(library, "allocate") : NULL;
    long made = call ? call() : -1;
    if (library)
        dlclose(library);
    return made;
}

static void tell(long answer)
{
    char line[32];
    int length = snprintf(line, sizeof line, "%ld\n", answer);
    if (write(1, line, (size_t)length) != length)
        _exit(9);
}

static pthread_t all[sizeof calls / sizeof *calls];
static const char *library;

static void end(void)
{
    let_go(1);
    for (int i = 0; i < threads; i++)
        pthread_join(all[i], NULL);
    exit(wrong ? 1 : 0);
}

static void *serve(void *before);

static long leave(void)
{
    static pthread_t self;
    pthread_t next;
    self = pthread_self();
    if (pthread_create(&next, NULL, serve, &self) != 0)
        return -1;
    pthread_exit(NULL);
}

/* Until the end of the input. */
static void *serve(void *before)
{
    enum { MDWE = 65, REFUSE_EXEC_GAIN = 1 }; /* of Linux 6.3 */
    char line[64];
    ssize_t length;
    if (before)
        pthread_join(*(pthread_t *)before, NULL);
    tell(before ? 0 : hold());
    while ((length = read(0, line, sizeof line)) > 0) {
        long answer = 0;
        if (memcmp(line, "go", 2) == 0)
            let_go(0);
        else if (memcmp(line, "hold", 4) == 0)
            answer = hold();
        else if (memcmp(line, "open", 4) == 0)
            answer = opened(library);
        else if (memcmp(line, "forbid", 6) == 0)
            answer = prctl(MDWE, REFUSE_EXEC_GAIN, 0, 0, 0);
        else if (memcmp(line, "fork", 4) == 0)
            answer = forked();
        else if (memcmp(line, "leave", 5) == 0)
            answer = leave();
        else if (memcmp(line, "thread", 6) == 0) {
            pthread_t one;
            answer = pthread_create(&one, NULL, thousand, NULL) || pthread_join(one, NULL) ? -1 : 1000;
        }
        tell(answer);
    }
    end();
    return NULL;
}

int main(int count, char **arguments)
{
    threads = count > 1 ? atoi(arguments[1]) : 4;
    library = count > 2 ? arguments[2] : "";
    for (long i = 0; i < threads; i++)
        if (pthread_create(&all[i], NULL, work, (void *)i) != 0)
            return 8;
    serve(NULL);
}
