/* The recording of one process image. */
#include "hook.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "real.h"
#include "source.h"

union ar_recording_page ar_recording_page __attribute__((aligned(4096)));

/* Not wiped by fork: what a child needs of its parent. */
static bool disabled; /* not asked to record, or may not */
static struct ar_process
    *latest_header;                 /* of the recording that this image's process, or its parent, made; stays mapped */
static char directory[AR_PATH_MAX]; /* of this image's recording */

struct ar_file {
    const char *name;
    int flags;
    int descriptor;
    dev_t device;
    ino_t inode;
};
static struct ar_file events_file = {.name = "events", .flags = O_WRONLY | O_APPEND, .descriptor = -1};
static struct ar_file tails_file = {.name = "tails", .flags = O_RDWR, .descriptor = -1};

long ar_sys(long number, ...)
{
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long);
    long e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1)
        result = -errno;
    errno = saved;
    return result;
}

uint64_t ar_monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void ar_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&ar_recording.lock, memory_order_acquire))
        ar_sys(SYS_sched_yield);
}

void ar_unlock(void)
{
    atomic_flag_clear_explicit(&ar_recording.lock, memory_order_release);
}

/* Text without stdio: appends to a bounded buffer. */
static char *put_text(char *at, char *end, const char *text)
{
    while (*text && at < end - 1)
        *at++ = *text++;
    *at = 0;
    return at;
}

static char *put_number(char *at, char *end, uint64_t n)
{
    char digits[21], *d = digits + 20;
    *d = 0;
    do
        *--d = (char)('0' + n % 10);
    while (n /= 10);
    return put_text(at, end, d);
}

static const char *error_name(int error)
{
    switch (error) {
    case ENOSPC:
        return "no space left on the device";
    case EDQUOT:
        return "disk quota exceeded";
    case EFBIG:
        return "file size limit reached";
    case EACCES:
        return "permission denied";
    case EPERM:
        return "operation not permitted";
    case EROFS:
        return "read-only file system";
    case ENOENT:
        return "no such directory";
    case ENOTDIR:
        return "not a directory";
    case EMFILE:
    case ENFILE:
        return "out of file descriptors";
    case ENOMEM:
        return "out of memory";
    case EIO:
        return "input/output error";
    default:
        return NULL;
    }
}

static void say(const char *what, int error)
{
    char line[AR_PATH_MAX + 256], *end = line + sizeof line;
    char *at = put_text(line, end, "allocreplay: pid ");
    at = put_number(at, end, (uint64_t)ar_sys(SYS_getpid));
    at = put_text(at, end, " is not recorded any further: ");
    at = put_text(at, end, what);
    if (error) {
        at = put_text(at, end, ": ");
        if (error_name(error))
            at = put_text(at, end, error_name(error));
        else
            at = put_number(put_text(at, end, "errno "), end, (uint64_t)error);
    }
    if (directory[0])
        at = put_text(put_text(put_text(at, end, " ("), end, directory), end, ")");
    at = put_text(at, end, "\n");
    ar_sys(SYS_write, 2, line, at - line);
}

void ar_fail(enum ar_failure what, int error)
{
    static const char *const text[] = {"",
                                       "cannot create the recording",
                                       "cannot grow the tails",
                                       "cannot write events",
                                       "its files were closed and cannot be opened again",
                                       "the size limit is reached"};
    struct ar_process *header = ar_recording.header;
    disabled = true; /* for children */
    if (header) {
        /* The thread that takes the state down reports. Tails stay mapped: a thread in mid-event is safe. */
        if (__atomic_exchange_n(&header->state, AR_STATE_FAILED, __ATOMIC_ACQ_REL) == AR_STATE_FAILED)
            return;
        header->failure_op = what;
        header->failure_errno = error;
        __atomic_store_n(&header->control, 0, __ATOMIC_RELEASE);
    }
    say(text[what], error);
}

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
    char *at = put_text(put_text(put_text(path, end, directory), end, "/"), end, name);
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
static void file_close_inherited(struct ar_file *file)
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

bool ar_write_chunk(const struct ar_chunk *chunk)
{
    struct ar_chunk head = *chunk;
    struct rlimit limit = {0};
    int64_t size = file_check(&events_file);
    if (size < 0) {
        ar_fail(AR_FAILURE_LOST_FILE, (int)-size);
        return false;
    }
    /* Asked first, because a write past the limit raises SIGXFSZ. */
    ar_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
    size_t length = sizeof head + head.length;
    if (ar_options.max_size && (uint64_t)size + length > ar_options.max_size) {
        ar_fail(AR_FAILURE_SIZE_LIMIT, 0);
        return false;
    }
    if ((uint64_t)size + length > limit.rlim_cur) {
        ar_fail(AR_FAILURE_WRITE, EFBIG);
        return false;
    }
    long written = limit.rlim_cur == RLIM_INFINITY ? append(chunk, length) : append_below_limit(chunk, length);
    if (written != (long)length) {
        ar_fail(AR_FAILURE_WRITE, written < 0 ? (int)-written : ENOSPC);
        return false;
    }
    return true;
}

struct build_id_search {
    uintptr_t base;
    struct ar_process *header;
};

static int find_build_id(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct build_id_search *search = data;
    uintptr_t first = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_addr + info->dlpi_phdr[i].p_vaddr < first)
            first = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    if ((first & ~(uintptr_t)4095) != (search->base & ~(uintptr_t)4095))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_NOTE)
            continue;
        const char *at = (const char *)(info->dlpi_addr + segment->p_vaddr), *end = at + segment->p_memsz;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const void *)at;
            const char *name = at + sizeof *note, *value = name + (note->n_namesz + 3) / 4 * 4;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
                size_t length =
                    note->n_descsz < sizeof search->header->build_id ? note->n_descsz : sizeof search->header->build_id;
                memcpy(search->header->build_id, value, length);
                search->header->build_id_length = (uint8_t)length;
                return 1;
            }
            at = value + (note->n_descsz + 3) / 4 * 4;
        }
    }
    return 1;
}

/* Creates DIR/pPID.N, N counting the images that ran under this process id. */
static int make_directory(const char *session)
{
    for (unsigned n = 0; n < 100000; n++) {
        char *end = directory + sizeof directory;
        char *at = put_text(directory, end, session);
        at = put_number(put_text(at, end, "/p"), end, (uint64_t)ar_sys(SYS_getpid));
        at = put_number(put_text(at, end, "."), end, n);
        if (at >= end - 16)
            return -ENAMETOOLONG;
        long error = ar_sys(SYS_mkdirat, AT_FDCWD, directory, 0700);
        if (error != -EEXIST)
            return (int)error;
    }
    return -EEXIST;
}

/* Copies a file of procfs into the recording. Losing it costs metadata only. */
static void copy_proc(const char *source, const char *name)
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

static struct ar_process *map_header(int *error)
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

static void read_clocks(uint64_t *ticks, uint64_t *ns)
{
    /* The pair is as good as the two readings are close: keep the closest of a few. */
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t before = ar_ticks(), now = ar_monotonic_ns(), after = ar_ticks();
        if (after - before < best) {
            best = after - before;
            *ticks = before + (after - before) / 2;
            *ns = now;
        }
    }
}

/* Identity and clocks. Event times are kept in units of 4 to 8 ns: finer would only store the counter's own noise, and
 * would cost a byte an event. */
static void fill_header(struct ar_process *h)
{
    struct timespec wall;
    Dl_info object;
    h->version_major = AR_VERSION_MAJOR;
    h->version_minor = AR_VERSION_MINOR;
    h->size = sizeof *h;
    h->pid = (uint32_t)ar_sys(SYS_getpid);
    h->ppid = (uint32_t)ar_sys(SYS_getppid);
#if defined(__x86_64__)
    h->arch = AR_ARCH_X86_64;
#else
    h->arch = AR_ARCH_AARCH64;
#endif
    h->state = AR_STATE_RECORDING;
    /* So that a controlling process can make our threads pass a fence, instead of each paying for one at every call. */
    if (ar_sys(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0L, 0L) == 0)
        h->flags |= AR_PROCESS_EXPEDITED;
    h->flags |= ar_source_flags;
    if (latest_header)
        h->flags |= AR_PROCESS_FORKED;
    if (ar_real.new_direct)
        h->flags |= AR_PROCESS_NEW_RECORDED;
    if (dladdr((void *)ar_real.malloc, &object) && object.dli_fname) {
        put_text(h->allocator, h->allocator + sizeof h->allocator, object.dli_fname);
        struct build_id_search search = {(uintptr_t)object.dli_fbase, h};
        dl_iterate_phdr(find_build_id, &search);
    }
    ar_sys(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", h->exe, sizeof h->exe - 1);
    clock_gettime(CLOCK_REALTIME, &wall);
    read_clocks(&h->start_ticks, &h->start_mono_ns);
    h->realtime_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec;
    do
        read_clocks(&h->second_ticks, &h->second_mono_ns);
    while (h->second_mono_ns - h->start_mono_ns < 50000);
    uint64_t ticks = h->second_ticks - h->start_ticks, ns = h->second_mono_ns - h->start_mono_ns;
    while (h->tick_shift < 8 && (2u << h->tick_shift) * ns <= 8 * ticks)
        h->tick_shift++;
    __atomic_store_n(&h->magic, AR_PROCESS_MAGIC, __ATOMIC_RELEASE);
}

/* While the file `stopped` is there, new process images start without recording. */
static bool session_is_stopped(const char *session)
{
    char path[AR_PATH_MAX], *end = path + sizeof path;
    put_text(put_text(path, end, session), end, "/stopped");
    return ar_sys(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

static void set_options(struct ar_process *header)
{
    const uint64_t sample = ar_options.sample;
    if (sample > 1 && sample <= UINT32_MAX) {
        header->sample = (uint32_t)sample;
        ar_recording.sample_below = (uint32_t)(UINT32_MAX / sample) + 1;
        ar_recording.sample_seed = (uint32_t)header->start_ticks * 2654435761u;
    }
    if (ar_options.latency) {
        header->flags |= AR_PROCESS_LATENCY;
        ar_recording.latency = true;
    }
}

/* Begins the first interval. Later ones are begun by a controlling process. */
static void mark_start(struct ar_process *header)
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
    header->interval = header->control = 1;
}

static bool start(void)
{
    /* A program that runs with more rights than its caller is none of the caller's to record. */
    if (!ar_options_read() || getauxval(AT_SECURE)) {
        disabled = true;
        return false;
    }
    if (ar_options.only_child_of && ar_options.only_child_of != (uint64_t)ar_sys(SYS_getppid)) {
        disabled = true; /* --follow-children no, and this is not the command itself */
        return false;
    }
    if (!ar_source_attach()) {
        disabled = true;
        return false;
    }
    /* A fork goes on as its parent was; a new image as the session is. */
    bool paused = latest_header ? latest_header->control == 0 : session_is_stopped(ar_options.session);
    file_close_inherited(&events_file);
    file_close_inherited(&tails_file);
    int error = make_directory(ar_options.session);
    if (error < 0) {
        ar_fail(AR_FAILURE_CREATE, -error);
        return false;
    }
    /* The header first, as its descriptor is not kept: two are enough for all. Its magic is stored last. */
    struct ar_process *header = map_header(&error);
    int events = header ? file_open(&events_file, O_CREAT | O_EXCL) : -error;
    int tails = events < 0 ? events : file_open(&tails_file, O_CREAT | O_EXCL);
    if (tails < 0) {
        file_close_inherited(&events_file);
        ar_fail(AR_FAILURE_CREATE, -tails);
        if (header) {
            /* The one thing that is left of this image says why. */
            header->failure_op = AR_FAILURE_CREATE;
            header->failure_errno = -tails;
            fill_header(header);
            header->state = AR_STATE_FAILED;
        } else {
            ar_sys(SYS_unlinkat, AT_FDCWD, directory, AT_REMOVEDIR);
        }
        return false;
    }
    if (!ar_options.redact)
        copy_proc("/proc/self/cmdline", "cmdline");
    copy_proc("/proc/self/maps", "maps");
    fill_header(header);
    set_options(header);
    if (!paused)
        mark_start(header);
    latest_header = header;
    ar_recording.tick_shift = header->tick_shift;
    ar_thread_key_create();
    __atomic_store_n(&ar_recording.header, header, __ATOMIC_RELEASE);
    return true;
}

bool ar_process_start(void)
{
    if (disabled || (!environ && !latest_header))
        return false;
    int saved = errno;
    if (atomic_exchange(&ar_recording.starting, 1) == 0) {
        /* The page is private and anonymous, so the kernel can wipe it in children, those of a raw clone included. */
        if (madvise(&ar_recording_page, sizeof ar_recording_page, MADV_WIPEONFORK) != 0) {
            ar_fail(AR_FAILURE_CREATE, errno);
            errno = saved;
            return false;
        }
        start();
    }
    errno = saved;
    /* Another thread is starting it: until it has, this thread's calls pass through. */
    return ar_recording.header != NULL;
}

__attribute__((constructor)) static void on_load(void)
{
    ar_resolve();
    ar_self.busy = 1;
    ar_process_start();
    ar_self.busy = 0;
}

__attribute__((destructor)) static void on_exit_of_process(void)
{
    if (!ar_recording.header || ar_recording.header->state == AR_STATE_FAILED)
        return;
    read_clocks(&ar_recording.header->end_ticks, &ar_recording.header->end_mono_ns);
    ar_recording.header->state = AR_STATE_EXITED;
}
