/* What a program inherits. `print` shows it, a property a line, as NAME: VALUE; `set COMMAND…` makes all of it unusual
 * and becomes the command; `change COMMAND…` makes all of it different again. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;

static void print_bytes(const char *name, char **strings)
{
    printf("%s:", name);
    for (; *strings; strings++) {
        if (!strncmp(*strings, "ALLOCREPLAY_", 12) || !strncmp(*strings, "LD_PRELOAD=", 11))
            continue;
        putchar(' ');
        for (unsigned char *at = (unsigned char *)*strings; *at; at++)
            printf("%02x", *at);
    }
    putchar('\n');
}

/* Lines of a file of /proc/self that begin with one of the names; all, where there is none. */
static void print_lines(const char *prefix, const char *file, const char **names)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/%s", file);
    FILE *in = fopen(path, "r");
    while (in && fgets(text, sizeof text, in)) {
        int wanted = !names;
        for (const char **n = names; n && *n; n++)
            wanted |= !strncmp(text, *n, strlen(*n)) && text[strlen(*n)] == ':';
        if (wanted)
            printf("%s%s", prefix, text);
    }
    if (in)
        fclose(in);
}

static void print_descriptors(void)
{
    printf("descriptors:");
    for (int fd = 0; fd < 1024; fd++) {
        char path[64], target[512];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n < 0)
            continue;
        target[n] = 0;
        /* The hook's own files, and the streams that a test redirects, which have other names in each run. */
        if (!strstr(target, ".allocrec/"))
            printf(" %d%s%s", fd, strstr(target, "pipe:") || strstr(target, "socket:") ? "" : "=",
                   strstr(target, "pipe:") || strstr(target, "socket:") ? "" : target);
    }
    putchar('\n');
}

static void print(char **arguments)
{
    static const char *status[] = {
        "SigBlk", "SigIgn", "SigCgt", "Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "Cpus_allowed_list", NULL};
    static const char *limits[] = {"cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
                                   "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};
    print_descriptors(); /* before we open files of our own */
    print_lines("", "status", status);
    for (int i = 0; i < 16; i++) {
        struct rlimit limit;
        getrlimit(i, &limit);
        printf("limit of %s: %lld %lld\n", limits[i], (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
    print_bytes("arguments", arguments);
    print_bytes("variables", environ);
    char directory[4096];
    printf("directory: %s\n", getcwd(directory, sizeof directory));
    mode_t mask = umask(0);
    printf("umask: %o\nsession: %d\ngroup: %d\n", mask, getsid(0), getpgrp());
    printf("niceness: %d\npersonality: %x\n", getpriority(PRIO_PROCESS, 0), personality(0xffffffff));
    int death = 0;
    prctl(PR_GET_PDEATHSIG, &death);
    struct itimerval real, virtual, profiling;
    getitimer(ITIMER_REAL, &real);
    getitimer(ITIMER_VIRTUAL, &virtual);
    getitimer(ITIMER_PROF, &profiling);
    printf("signal at the parent's death: %d\nalarm: %s\nvirtual alarm: %s\nprofiling alarm: %s\ntimer slack: %d\n",
           death, real.it_value.tv_sec ? "set" : "none", virtual.it_value.tv_sec ? "set" : "none",
           profiling.it_value.tv_sec ? "set" : "none", prctl(PR_GET_TIMERSLACK));
    print_lines("badness: ", "oom_score_adj", NULL);
    print_lines("core dumps hold: ", "coredump_filter", NULL);
    int terminal = open("/dev/tty", O_RDWR);
    printf("terminal: %s\n", terminal < 0 ? "none" : "controlling");
}

static void limit(int what, rlim_t soft)
{
    struct rlimit value;
    getrlimit(what, &value);
    value.rlim_cur = soft < value.rlim_max ? soft : value.rlim_max;
    setrlimit(what, &value);
}

static void write_proc(const char *file, const char *text)
{
    int fd = open(file, O_WRONLY);
    if (write(fd, text, strlen(text)) < 0)
        perror(file);
    close(fd);
}

static void make_unusual(int again)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, again ? SIGWINCH : SIGUSR2);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signal(SIGHUP, again ? SIG_DFL : SIG_IGN);
    signal(SIGCHLD, again ? SIG_DFL : SIG_IGN);
    signal(SIGPIPE, again ? SIG_IGN : SIG_DFL);
    limit(RLIMIT_NOFILE, again ? 200 : 100);
    limit(RLIMIT_STACK, again ? 6 << 20 : 4 << 20);
    limit(RLIMIT_AS, again ? 300 << 20 : 200 << 20); /* too little for a runtime */
    limit(RLIMIT_FSIZE, again ? 900 << 20 : 800 << 20);
    limit(RLIMIT_CPU, again ? 1000 : 900);
    umask(again ? 077 : 027);
    if (nice(again ? 1 : 3) < 0)
        perror("nice");
    if (chdir(again ? "/" : "/usr") != 0)
        perror("chdir");
    personality(again ? 0 : ADDR_NO_RANDOMIZE);
    prctl(PR_SET_TIMERSLACK, again ? 70000 : 60000);
    prctl(PR_SET_PDEATHSIG, again ? 0 : SIGURG);
    alarm(again ? 0 : 1000);
    struct itimerval alarm_again = {.it_value = {.tv_sec = again ? 0 : 1000}};
    setitimer(ITIMER_VIRTUAL, &alarm_again, NULL);
    setitimer(ITIMER_PROF, &alarm_again, NULL);
    write_proc("/proc/self/oom_score_adj", again ? "250" : "200");
    write_proc("/proc/self/coredump_filter", again ? "0x3" : "0x7");
    setenv("INHERITED", again ? "other" : "caf\xe9", 1);
    if (again) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        setsid();
        close(20);
    } else {
        /* What whoever started this has open and does not close, as other tests in its process do at their own moments.
         */
        for (int fd = 3; fd < 1024; fd++)
            close(fd);
        close(0);
        dup2(1, 20);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "print")) {
        print(argv);
        return 0;
    }
    int again = !strcmp(argv[1], "change");
    make_unusual(again);
    char **command = calloc((size_t)argc, sizeof *command);
    memcpy(command, argv + 2, (size_t)(argc - 2) * sizeof *command);
    command[argc - 2] = again ? NULL : "na\xefve"; /* an argument more */
    if (again)
        command[argc - 3] = NULL; /* and one less */
    execv(command[0], command);
    return 127;
}
