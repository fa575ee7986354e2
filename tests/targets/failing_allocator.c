/* A library that provides malloc, the C library's own behind it, and fails in the way that it is compiled for: CRASH,
 * EXIT=code, KILL, STOP or HANG, at the malloc of TRIGGER bytes, the AT-th where that is given; HANG_AT_START; HELPER,
 * a process that it starts and that would never end, and that is noted in the file PLANTED_PID; NO_MALLOC; UNRESOLVED.
 * LOG does not fail: at each malloc of TRIGGER bytes PLANTED_NAME is added to the file PLANTED_LOG. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TRIGGER 7777
#ifndef AT
#define AT 1
#endif

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *block);
extern void planted_and_nowhere_defined(void);

__attribute__((constructor)) static void on_load(void)
{
#ifdef UNRESOLVED
    planted_and_nowhere_defined();
#endif
#ifdef HANG_AT_START
    for (;;)
        pause();
#endif
#ifdef HELPER
    const char *path = getenv("PLANTED_PID");
    pid_t pid = path ? fork() : -1;
    while (pid == 0)
        pause();
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%d", (int)pid);
        fclose(file);
    }
#endif
}

#ifdef LOG
static void add_name(void)
{
    const char *path = getenv("PLANTED_LOG"), *name = getenv("PLANTED_NAME");
    int file = path && name ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (file >= 0) {
        if (write(file, name, 1) != 1)
            _exit(1);
        close(file);
    }
}
#endif

#ifndef NO_MALLOC
void *malloc(size_t size)
{
    static int calls;
    if (size == TRIGGER && ++calls >= AT) {
#ifdef LOG
        add_name();
#elif defined CRASH
        *(volatile int *)NULL = 0; /* not raised: the worker's runtime goes on after a signal that nothing has caused */
#elif defined EXIT
        _exit(EXIT);
#elif defined KILL
        raise(SIGKILL);
#elif defined STOP
        raise(SIGSTOP);
#elif defined HANG
        for (;;)
            pause();
#endif
    }
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return __libc_realloc(old, size);
}

void free(void *block)
{
    __libc_free(block);
}
#endif
