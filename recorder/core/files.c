/* The files of a recording. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "files.h"

struct ar_file {
    const char *name;
    int flags;
    int descriptor;
    dev_t device;
    ino_t inode;
};
static struct ar_file events_file = {.name = "events", .flags = O_WRONLY | O_APPEND, .descriptor = -1};
static struct ar_file tails_file = {.name = "tails", .flags = O_RDWR, .descriptor = -1};

static char directory[AR_PATH_MAX]; /* of this image's recording; not wiped by fork */

/* Keeps our descriptors out of the low numbers, which programs hand out, count on and close. */
static int move_high(int descriptor)
{
    struct rlimit limit = {0};
    ar_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    long least = limit.rlim_cur > 1000 ? 970 : limit.rlim_cur > 64 ? (long)limit.rlim_cur - 30 : 0;
    long high = ar_sys(SYS_fcntl, descriptor, F_DUPFD_CLOEXEC, least);
    if (high < 0)
        return descriptor;
    ar_sys(SYS_close, descriptor);
    return (int)high;
}

static bool file_path(char *path, const char *name)
{
    char *end = path + AR_PATH_MAX;
    char *at = ar_put_text(ar_put_text(ar_put_text(path, end, directory), end, "/"), end, name);
    return at < end - 1;
}

static int file_open(struct ar_file *file, int extra)
{
    char path[AR_PATH_MAX];
    struct stat s;
    if (!file_path(path, file->name))
        return -ENAMETOOLONG;
    long fd = ar_sys(SYS_openat, AT_FDCWD, path, file->flags | extra | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return (int)fd;
    file->descriptor = move_high((int)fd);
    long error = ar_sys(SYS_newfstatat, file->descriptor, "", &s, AT_EMPTY_PATH);
    if (error < 0)
        return (int)error;
    file->device = s.st_dev;
    file->inode = s.st_ino;
    return file->descriptor;
}

/* The file's size when the descriptor is still ours, opening it again when the program closed it. -errno when it is
 * lost. */
static int64_t file_check(struct ar_file *file)
{
    struct stat s;
    for (int attempt = 0; attempt < 2; attempt++) {
        long error = ar_sys(SYS_newfstatat, file->descriptor, "", &s, AT_EMPTY_PATH);
        if (error == 0 && s.st_dev == file->device && s.st_ino == file->inode)
            return s.st_size;
        int fd = file_open(file, 0);
        if (fd < 0)
            return fd;
    }
    return -EBADF;
}

/* A child shares its parent's descriptors; it must neither use nor keep them. */
static void file_close(struct ar_file *file)
{
    struct stat s;
    if (file->descriptor >= 0 && ar_sys(SYS_newfstatat, file->descriptor, "", &s, AT_EMPTY_PATH) == 0 &&
        s.st_dev == file->device && s.st_ino == file->inode)
        ar_sys(SYS_close, file->descriptor);
    file->descriptor = -1;
}

int ar_tails_file(void)
{
    int64_t size = file_check(&tails_file);
    return size < 0 ? (int)size : tails_file.descriptor;
}

/* One write, so that chunks of several threads do not interleave. It is cut short only where no more can be written. */
static long append(const void *data, size_t length)
{
    long written;
    do
        written = ar_sys(SYS_write, events_file.descriptor, data, length);
    while (written == -EINTR);
    return written;
}

/* Another thread may have brought the file to its limit since its size was asked. The signal is for this thread, and
 * ours: it is taken back before the program can see it. */
static long append_below_limit(const void *data, size_t length)
{
    const uint64_t set = 1ull << (SIGXFSZ - 1);
    uint64_t before = 0;
    const struct timespec now = {0};
    ar_sys(SYS_rt_sigprocmask, SIG_BLOCK, &set, &before, sizeof set);
    long written = append(data, length);
    if (written == -EFBIG)
        ar_sys(SYS_rt_sigtimedwait, &set, NULL, &now, sizeof set);
    ar_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof set);
    return written;
}

static bool cannot_write(struct ar_why *why, enum ar_failure what, int error)
{
    *why = (struct ar_why){what, error};
    return false;
}

bool ar_write_chunk(const struct ar_chunk *chunk, struct ar_why *why)
{
    struct ar_chunk head = *chunk;
    struct rlimit limit = {0};
    int64_t size = file_check(&events_file);
    if (size < 0)
        return cannot_write(why, AR_FAILURE_LOST_FILE, (int)-size);
    /* Asked first, because a write past the limit raises SIGXFSZ. */
    ar_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
    size_t length = sizeof head + head.length;
    if (ar_options.max_size && (uint64_t)size + length > ar_options.max_size)
        return cannot_write(why, AR_FAILURE_SIZE_LIMIT, 0);
    if ((uint64_t)size + length > limit.rlim_cur)
        return cannot_write(why, AR_FAILURE_WRITE, EFBIG);
    long written = limit.rlim_cur == RLIM_INFINITY ? append(chunk, length) : append_below_limit(chunk, length);
    return written == (long)length || cannot_write(why, AR_FAILURE_WRITE, written < 0 ? (int)-written : ENOSPC);
}

/* Copies a file of procfs into the recording. Losing it costs metadata only. */
void ar_copy_proc(const char *source, const char *name)
{
    char path[AR_PATH_MAX], buffer[4096];
    if (!file_path(path, name))
        return;
    long in = ar_sys(SYS_openat, AT_FDCWD, source, O_RDONLY | O_CLOEXEC, 0);
    long out = ar_sys(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    long n;
    while (in >= 0 && out >= 0 && (n = ar_sys(SYS_read, in, buffer, sizeof buffer)) > 0 &&
           ar_sys(SYS_write, out, buffer, n) == n)
        ;
    if (in >= 0)
        ar_sys(SYS_close, in);
    if (out >= 0)
        ar_sys(SYS_close, out);
}

struct ar_process *ar_header_map(int *error)
{
    char path[AR_PATH_MAX], page[4096] = {0};
    *error = ENAMETOOLONG;
    if (!file_path(path, "process"))
        return NULL;
    long fd = ar_sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        *error = (int)-fd;
        return NULL;
    }
    /* Written, not extended: a page without a block behind it is SIGBUS on a full disk. */
    struct rlimit limit = {0};
    ar_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
    long written =
        limit.rlim_cur < sizeof page ? -EFBIG /* would be a signal */ : ar_sys(SYS_write, fd, page, sizeof page);
    void *map = MAP_FAILED;
    *error = written < 0 ? (int)-written : written < (long)sizeof page ? ENOSPC : ENOMEM;
    if (written == (long)sizeof page)
        map = mmap(NULL, sizeof page, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    ar_sys(SYS_close, fd);
    if (map != MAP_FAILED)
        return map;
    ar_sys(SYS_unlinkat, AT_FDCWD, path, 0);
    return NULL;
}

/* Creates DIR/pPID.N, N counting the images that ran under this process id. */
int ar_directory_make(const char *session)
{
    for (unsigned n = 0; n < 100000; n++) {
        char *end = directory + sizeof directory;
        char *at = ar_put_text(directory, end, session);
        at = ar_put_number(ar_put_text(at, end, "/p"), end, (uint64_t)ar_sys(SYS_getpid));
        at = ar_put_number(ar_put_text(at, end, "."), end, n);
        if (at >= end - 16)
            return -ENAMETOOLONG;
        long error = ar_sys(SYS_mkdirat, AT_FDCWD, directory, 0700);
        if (error != -EEXIST)
            return (int)error;
    }
    return -EEXIST;
}

/* While the file `stopped` is there, new process images start without recording. */
bool ar_session_is_stopped(const char *session)
{
    char path[AR_PATH_MAX], *end = path + sizeof path;
    ar_put_text(ar_put_text(path, end, session), end, "/stopped");
    return ar_sys(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

const char *ar_directory(void)
{
    return directory;
}

void ar_directory_remove(void)
{
    ar_sys(SYS_unlinkat, AT_FDCWD, directory, AT_REMOVEDIR);
}

int ar_files_create(void)
{
    int error = file_open(&events_file, O_CREAT | O_EXCL);
    if (error >= 0)
        error = file_open(&tails_file, O_CREAT | O_EXCL);
    if (error < 0)
        ar_files_close();
    return error < 0 ? error : 0;
}

void ar_files_close(void)
{
    file_close(&events_file);
    file_close(&tails_file);
}

void ar_mark_start(const struct ar_process *header)
{
    char path[AR_PATH_MAX];
    struct ar_mark mark = {.kind = AR_MARK_START, .interval = 1, .mono_ns = header->start_mono_ns};
    long fd = file_path(path, "marks")
                  ? ar_sys(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
                  : -ENAMETOOLONG;
    if (fd >= 0) {
        ar_sys(SYS_write, fd, &mark, sizeof mark);
        ar_sys(SYS_close, fd);
    }
}
