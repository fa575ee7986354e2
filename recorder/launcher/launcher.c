/* The command allocreplay: starts allocreplay-main, which lies beside it and brings its own runtime, or else the
 * runtime of the machine on allocreplay.dll.
 *
 * For `record`, it first forks the process that the recorded program will be, and holds it. A runtime changes much in
 * its own process that a child inherits: dispositions of signals, limits, the bytes of arguments and variables. What
 * was forked before the runtime began has all of that as the caller gave it, without a list of what to restore.
 *
 *   caller ── this ──── exec ──▶ the recorder: looks at the command, makes the recording, says "go", waits
 *               └ fork ─ held ─────────────────────────────────────────────▶ exec: the program
 *
 * The two talk over a pair of sockets; recorder/HeldProgram.cs is the other end. Where it closes its end without a
 * word, the held process ends: nothing has run.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* Where we fail at what is no record. */
enum { NOT_POSSIBLE = 4 };

/* As env(1) exits. */
enum { FAILED = 125, CANNOT_RUN = 126, NOT_FOUND = 127 };

/* Above the numbers that programs and shells name. */
#define CHANNEL_LEAST 64

/* What the command's name leads to. */
struct answer {
    int32_t error;       /* errno, or 0 */
    int32_t descriptor;  /* that has the file open in the held process, so that the recorder can look at it */
    char path[PATH_MAX]; /* NUL-padded */
};

static void receive(int channel, void *data, size_t length)
{
    for (char *at = data; length > 0;) {
        ssize_t n = read(channel, at, length);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            _exit(FAILED); /* the recorder has refused, and said why, or is gone */
        if (n > 0) {
            at += n;
            length -= (size_t)n;
        }
    }
}

static void answer(int channel, const void *data, size_t length)
{
    if (send(channel, data, length, MSG_NOSIGNAL) != (ssize_t)length)
        _exit(FAILED);
}

static int candidate(const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return errno;
    if (S_ISDIR(s.st_mode))
        return EISDIR;
    if (!S_ISREG(s.st_mode)) /* execve(2) says so; to look at a pipe would be to wait for its other end */
        return EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

/* By PATH, or as a path when the name has a slash, as execvp(3) does. A file that may not be run is named when there is
 * no other. */
static int find(const char *name, char path[PATH_MAX])
{
    if (strlen(name) >= PATH_MAX)
        return ENAMETOOLONG;
    strcpy(path, name);
    if (strchr(name, '/'))
        return candidate(path);
    const char *directories = getenv("PATH");
    if (!directories)
        directories = "/bin:/usr/bin";
    char denied[PATH_MAX] = "";
    for (const char *at = directories; *name;) {
        int length = (int)strcspn(at, ":");
        int whole = snprintf(path, PATH_MAX, "%.*s%s/%s", length, at, length ? "" : ".", name);
        int error = whole < PATH_MAX ? candidate(path) : ENAMETOOLONG;
        if (error == 0)
            return 0;
        if (error == EACCES && !*denied && access(path, F_OK) == 0)
            strcpy(denied, path);
        if (!at[length])
            break;
        at += length + 1;
    }
    strcpy(path, *denied ? denied : name);
    return *denied ? EACCES : ENOENT;
}

/* NAME=VALUE sets a variable, NAME takes one away. Other libraries that are to be preloaded come after ours. */
static void apply(char *setting)
{
    char *equals = strchr(setting, '=');
    if (!equals) {
        unsetenv(setting);
        return;
    }
    *equals = 0;
    const char *others = strcmp(setting, "LD_PRELOAD") == 0 ? getenv("LD_PRELOAD") : NULL;
    char *value = equals + 1, *both;
    if (others && *others && asprintf(&both, "%s:%s", value, others) > 0)
        value = both;
    if (setenv(setting, value, 1) != 0)
        _exit(FAILED);
}

/* A file without a header that the kernel knows is a script of the shell, as for execvp(3). */
static int run_as_script(char *path, char **command, uint32_t words)
{
    char **arguments = calloc(words + 2, sizeof *arguments);
    if (!arguments)
        return ENOMEM;
    arguments[0] = "/bin/sh";
    arguments[1] = path;
    memcpy(arguments + 2, command + 1, (words - 1) * sizeof *arguments);
    execv(arguments[0], arguments);
    return errno;
}

/* The recorder says how many of our last arguments are the command; we say what file that is; it says what to set, and
 * sees the channel closed when the program runs, or an errno. */
static _Noreturn void hold(int channel, int argc, char **argv)
{
    uint32_t words, length;
    receive(channel, &words, sizeof words);
    if (words == 0 || words >= (uint32_t)argc)
        _exit(FAILED);
    char **command = argv + argc - words;
    struct answer found = {.descriptor = -1};
    found.error = find(command[0], found.path);
    if (found.error == 0)
        found.descriptor = open(found.path, O_PATH | O_CLOEXEC);
    answer(channel, &found, sizeof found);

    receive(channel, &length, sizeof length);
    char *settings = malloc(length + 1);
    if (!settings)
        _exit(FAILED);
    receive(channel, settings, length);
    settings[length] = 0;
    for (char *at = settings; at < settings + length;) {
        char *next = at + strlen(at) + 1;
        apply(at);
        at = next;
    }
    execve(found.path, command, environ);
    int32_t error = errno == ENOEXEC ? run_as_script(found.path, command, words) : errno;
    answer(channel, &error, sizeof error);
    _exit(error == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

static int out_of_the_way(int descriptor)
{
    int high = fcntl(descriptor, F_DUPFD_CLOEXEC, CHANNEL_LEAST);
    if (high < 0)
        return descriptor;
    close(descriptor);
    return high;
}

/* What hinders the recorder is not to: the program has been forked and keeps it. */
static void make_room_for_runtime(void)
{
    static const int limits[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_CPU};
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit limit;
        if (getrlimit(limits[i], &limit) == 0) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit(limits[i], &limit);
        }
    }
    signal(SIGCHLD, SIG_DFL); /* ignored, it would lose the program's exit code */
}

/* Files of the runtime's own are not to take the numbers of closed standard streams: notes would go into them. What is
 * written there still fails. */
static void occupy_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            return;
}

/* Forks the process that is held, and leaves its id and our end of the channel in the environment of the recorder. */
static bool fork_held(int argc, char **argv)
{
    static const int clocks[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
    enum { CLOCKS = sizeof clocks / sizeof *clocks };
    int pair[2], deathsignal = 0;
    char held[32];
    struct itimerval alarms[CLOCKS], none = {0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    int ours = out_of_the_way(pair[0]), theirs = out_of_the_way(pair[1]);
    /* What a fork does not inherit and exec keeps: alarms that the caller has set, and the wish to end with it. */
    for (int i = 0; i < CLOCKS; i++)
        setitimer(clocks[i], &none, &alarms[i]);
    prctl(PR_GET_PDEATHSIG, &deathsignal);
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        close(ours);
        for (int i = 0; i < CLOCKS; i++)
            setitimer(clocks[i], &alarms[i], NULL);
        prctl(PR_SET_PDEATHSIG, deathsignal);
        hold(theirs, argc, argv);
    }
    close(theirs);
    snprintf(held, sizeof held, "%d %d", (int)pid, ours);
    make_room_for_runtime();
    return fcntl(ours, F_SETFD, 0) == 0 && setenv("ALLOCREPLAY_HELD", held, 1) == 0;
}

int main(int argc, char **argv)
{
    /* Started by a recorder that was not started by us: it wants a process to be held, as it would have been. */
    if (argc > 3 && strcmp(argv[1], "--hold") == 0) {
        signal(SIGPIPE, SIG_DFL); /* which that runtime ignores */
        fcntl(atoi(argv[2]), F_SETFD, FD_CLOEXEC);
        hold(atoi(argv[2]), argc, argv);
    }
    bool is_record = argc > 1 && strcmp(argv[1], "record") == 0;
    int failed = is_record ? FAILED : NOT_POSSIBLE; /* not what stands for a command that is not there */
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - sizeof "-main");
    char **arguments = calloc((size_t)argc + 2, sizeof *arguments);
    if (length < 0 || !arguments || (is_record && !fork_held(argc, argv))) {
        fprintf(stderr, "allocreplay: cannot start: %s\n", strerror(errno));
        return failed;
    }
    occupy_standard_streams();
    for (int i = 1; i < argc; i++)
        arguments[i + 1] = argv[i];

    strcpy(path + length, "-main");
    if (access(path, F_OK) == 0) {
        arguments[1] = "allocreplay";
        execv(path, arguments + 1);
        const char *why = errno == ENOENT ? "its dynamic linker, glibc's, is not on this system" : strerror(errno);
        fprintf(stderr, "allocreplay: %s: %s\n", path, why);
        return failed;
    }
    strcpy(path + length, ".dll");
    arguments[0] = "dotnet";
    arguments[1] = path;
    execvp(arguments[0], arguments);
    fprintf(stderr, "allocreplay: dotnet, the .NET 10 runtime: %s\n", strerror(errno));
    return failed;
}
