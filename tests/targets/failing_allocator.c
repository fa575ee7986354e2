/* A library that provides malloc, the C library's own behind it, and fails in the way that it is compiled for: CRASH,
 * EXIT=code, KILL or HANG, at the first malloc of TRIGGER bytes; HANG_AT_START; HELPER, a process that it starts and
 * that would never end, and that is noted in the file PLANTED_PID; NO_MALLOC; UNRESOLVED. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TRIGGER 7777

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

#ifndef NO_MALLOC
void *malloc(size_t size)
{
    if (size == TRIGGER) {
#ifdef CRASH
        *(volatile int *)NULL = 0; /* not raised: the worker's runtime goes on after a signal that nothing has caused */
#elif defined EXIT
        _exit(EXIT);
#elif defined KILL
        raise(SIGKILL);
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
