/* A library that provides malloc, the C library's own behind it, and fails in the way that it is compiled for: CRASH,
 * EXIT=code, KILL, STOP or HANG, at the malloc of TRIGGER bytes, the AT-th where that is given; HANG_AT_START; DELETE,
 * which deletes the directory of the run; LEAVE, with HANG: out of the process group; HELPER, a process that it starts
 * and that would never end, and that is noted in the file PLANTED_PID; NO_MALLOC; UNRESOLVED. LOG and PROCESSORS do not
 * fail: at each malloc of TRIGGER bytes they add PLANTED_NAME, or a line with the processors that the thread may run
 * on, to the file PLANTED_LOG. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

#if defined LOG || defined PROCESSORS
static void add_line(const char *line, size_t length)
{
    const char *path = getenv("PLANTED_LOG");
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (file >= 0) {
        if (write(file, line, length) != (ssize_t)length)
            _exit(1);
        close(file);
    }
}
#endif

#ifdef PROCESSORS
static void add_processors(void)
{
    char line[8 * CPU_SETSIZE];
    int length = 0;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        _exit(1);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &set))
            length += snprintf(line + length, sizeof line - length, "%s%d", length ? " " : "", i);
    line[length++] = '\n';
    add_line(line, length);
}
#endif

#ifdef DELETE
/* The worker's second argument is a file in the directory of its run. */
static void delete_run(void)
{
    char line[4096] = "", command[5000];
    FILE *file = fopen("/proc/self/cmdline", "r");
    size_t length = file ? fread(line, 1, sizeof line - 1, file) : 0;
    const char *plan = line + strlen(line) + 1, *result = plan + strlen(plan) + 1;
    if (result < line + length) {
        snprintf(command, sizeof command, "rm -rf \"$(dirname '%s')\"", result);
        unsetenv("LD_PRELOAD");
        if (system(command) != 0)
            _exit(1);
    }
}
#endif

#ifndef NO_MALLOC
void *malloc(size_t size)
{
    static int calls;
    if (size == TRIGGER && ++calls >= AT) {
#ifdef LOG
        const char *name = getenv("PLANTED_NAME");
        add_line(name ? name : "?", 1);
#elif defined PROCESSORS
        add_processors();
#elif defined CRASH
        *(volatile int *)NULL = 0; /* not raised: the worker's runtime goes on after a signal that nothing has caused */
#elif defined EXIT
        _exit(EXIT);
#elif defined KILL
        raise(SIGKILL);
#elif defined STOP
        raise(SIGSTOP);
#elif defined DELETE
        delete_run();
        _exit(0);
#elif defined HANG
#ifdef LEAVE
        setpgid(0, getpgid(getppid()));
#endif
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
