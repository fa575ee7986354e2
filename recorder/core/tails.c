/* Chunks of a process that writes its own recording: tails, cut from one file that is mapped slab by slab, and appended
 * to another when they are full. One lock orders threads that start, end or write; it is never held while the program's
 * code runs. */
#include "chunk.h"
#include "files.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLAB_SIZE 262144u
#define TAIL_SMALL 4096u
#define TAIL_LARGE 131072u

struct ar_slot {
    struct ar_slot *next;
    struct ar_chunk *tail;
    uint32_t size;
    uint32_t os_tid; /* of the last owner */
};

static void lock(void)
{
    while (atomic_flag_test_and_set_explicit(&ar_recording.lock, memory_order_acquire))
        ar_sys(SYS_sched_yield);
}

static void unlock(void)
{
    atomic_flag_clear_explicit(&ar_recording.lock, memory_order_release);
}

/* Zeroed, never freed. */
static void *memory_take(size_t size)
{
    /* In the page that a fork wipes: another thread may be half way through these lines while this one forks. */
    char *at = ar_recording.memory;
    size = (size + 15) & ~(size_t)15;
    if (ar_recording.memory_left < size) {
        void *block = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return NULL;
        at = block;
        ar_recording.memory_left = 65536;
    }
    ar_recording.memory = at + size;
    ar_recording.memory_left -= size;
    return at;
}

static struct ar_slot *slot_new(struct ar_chunk *tail, uint32_t size)
{
    struct ar_slot *slot = ar_recording.unused_slots;
    if (slot)
        ar_recording.unused_slots = slot->next;
    else
        slot = memory_take(sizeof *slot);
    if (slot) {
        slot->tail = tail;
        slot->size = size;
    }
    return slot;
}

static void slot_free(struct ar_slot *slot)
{
    __atomic_store_n(&slot->tail->length, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->tail->inside, 0, __ATOMIC_RELEASE);
    struct ar_slot **list = slot->size == TAIL_SMALL ? &ar_recording.free_small : &ar_recording.free_large;
    slot->next = *list;
    *list = slot;
}

/* Gives the file real blocks before it is mapped: touching a page without one is SIGBUS when the disk is full. */
static long reserve(int fd, uint64_t offset)
{
    struct rlimit limit = {0};
    ar_sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
    if (offset + SLAB_SIZE > limit.rlim_cur)
        return -EFBIG;
    long error = ar_sys(SYS_fallocate, fd, 0, offset, (uint64_t)SLAB_SIZE);
    if (error != -EOPNOTSUPP && error != -ENOSYS)
        return error;
    static const char zeros[4096];
    for (uint64_t done = 0; done < SLAB_SIZE; done += sizeof zeros) {
        long written = ar_sys(SYS_pwrite64, fd, zeros, sizeof zeros, offset + done);
        if (written != (long)sizeof zeros)
            return written < 0 ? written : -ENOSPC;
    }
    return 0;
}

static bool cannot_grow(struct ar_why *why, int error)
{
    *why = (struct ar_why){AR_FAILURE_GROW, error};
    return false;
}

static bool grow(uint32_t size, struct ar_why *why)
{
    int fd = ar_tails_file();
    long error = fd < 0 ? fd : reserve(fd, ar_recording.tails_size);
    if (error < 0)
        return cannot_grow(why, (int)-error);
    char *slab = mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)ar_recording.tails_size);
    if (slab == MAP_FAILED)
        return cannot_grow(why, ENOMEM);
    ar_recording.tails_size += SLAB_SIZE;
    /* From the end, so that the list hands the first one out first: readers and controllers meet the used ones early.
     */
    for (uint32_t at = SLAB_SIZE; at > 0; at -= size) {
        struct ar_chunk *tail = (struct ar_chunk *)(slab + at - size);
        tail->capacity = size;
        struct ar_slot *slot = slot_new(tail, size);
        if (!slot)
            return cannot_grow(why, ENOMEM); /* for good: the next attempt would only make the file longer */
        slot_free(slot);
    }
    return true;
}

/* A thread that exited may have written a little after its destructors ran. Once the kernel has no such thread any
 * more, its tail is flushed and used again. The oldest are most likely gone, so a few looks at the head of the list are
 * enough. */
static bool reclaim(struct ar_why *why)
{
    long pid = ar_sys(SYS_getpid);
    for (int looks = 0; looks < 4 && ar_recording.exited_first; looks++) {
        struct ar_slot *slot = ar_recording.exited_first;
        if (ar_sys(SYS_tgkill, pid, (long)slot->os_tid, 0L) != -ESRCH)
            return true;
        ar_recording.exited_first = slot->next;
        if (!ar_recording.exited_first)
            ar_recording.exited_last = NULL;
        if (slot->tail->length > 0 && !ar_write_chunk(slot->tail, why))
            return false;
        slot_free(slot);
    }
    return true;
}

static bool take(struct ar_thread *t, enum ar_size size, struct ar_why *why)
{
    if (t->header != ar_recording.header)
        return false; /* forked meanwhile */
    const uint32_t bytes = size == AR_LARGE ? TAIL_LARGE : TAIL_SMALL;
    lock();
    struct ar_slot **list = bytes == TAIL_SMALL ? &ar_recording.free_small : &ar_recording.free_large;
    struct ar_slot *slot = NULL;
    if (reclaim(why) && (*list || grow(bytes, why))) {
        slot = *list;
        *list = slot->next;
        slot->os_tid = t->os_tid;
        t->place = slot;
        t->tail = slot->tail;
        t->capacity = bytes;
        __atomic_store_n(&slot->tail->inside, 1, __ATOMIC_RELEASE);
    }
    unlock();
    return slot != NULL;
}

/* The chunk is in both places until its slot is free: a reader knows them for the same by their sequence number. */
static bool give(struct ar_thread *t, struct ar_why *why)
{
    struct ar_slot *slot = t->place;
    if (t->header != ar_recording.header)
        return false; /* forked meanwhile */
    if (slot->tail->length > 0 && !ar_write_chunk(slot->tail, why))
        return false;
    t->tail = &ar_no_chunk;
    t->place = NULL;
    lock();
    slot_free(slot);
    unlock();
    return true;
}

static void leave(struct ar_thread *t)
{
    struct ar_slot *slot = t->place;
    if (!slot)
        return; /* it could be given none */
    lock();
    slot->next = NULL;
    if (ar_recording.exited_last)
        ar_recording.exited_last->next = slot;
    else
        ar_recording.exited_first = slot;
    ar_recording.exited_last = slot;
    unlock();
}

/* The page and the thread's own tail. What is on its way into the files goes there once more: a reader knows it by its
 * sequence number, and takes and gives look before they begin. */
static void part(struct ar_thread *t)
{
    bool parted = false;
    void *page = ar_part_from(t->header, sizeof *t->header, true, &parted);
    if (page) {
        memcpy(t->header, page, sizeof *t->header); /* whether it was stopped, the child will ask */
        ar_sys(SYS_munmap, page, sizeof *t->header);
    }
    if (t->place)
        ar_sys(SYS_mmap, t->tail, t->capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

const struct ar_store ar_tails_store = {take, give, leave, part};
