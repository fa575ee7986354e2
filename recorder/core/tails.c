/* Tails are cut from one file that is mapped slab by slab. */
#include "hook.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLAB_SIZE 262144u

void *ar_arena_take(size_t size)
{
    /* In the page that a fork wipes: another thread may be half way through these lines while this one forks. */
    char *at = ar_recording.arena;
    size = (size + 15) & ~(size_t)15;
    if (ar_recording.arena_left < size) {
        void *block = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return NULL;
        at = block;
        ar_recording.arena_left = 65536;
    }
    ar_recording.arena = at + size;
    ar_recording.arena_left -= size;
    return at;
}

static struct ar_slot *slot_new(struct ar_chunk *tail)
{
    struct ar_slot *slot = ar_recording.unused_slots;
    if (slot)
        ar_recording.unused_slots = slot->next;
    else
        slot = ar_arena_take(sizeof *slot);
    if (slot)
        slot->tail = tail;
    return slot;
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

static bool grow(uint32_t size)
{
    int fd = ar_tails_file();
    long error = fd < 0 ? fd : reserve(fd, ar_recording.tails_size);
    if (error < 0) {
        ar_fail(AR_FAILURE_GROW, (int)-error);
        return false;
    }
    char *slab = mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)ar_recording.tails_size);
    if (slab == MAP_FAILED) {
        ar_fail(AR_FAILURE_GROW, ENOMEM);
        return false;
    }
    ar_recording.tails_size += SLAB_SIZE;
    /* From the end, so that the list hands the first one out first: readers and controllers meet the used ones early.
     */
    for (uint32_t at = SLAB_SIZE; at > 0; at -= size) {
        struct ar_chunk *tail = (struct ar_chunk *)(slab + at - size);
        tail->capacity = size;
        struct ar_slot *slot = slot_new(tail);
        if (!slot) {
            /* For good: the next attempt would only make the file longer. */
            ar_fail(AR_FAILURE_GROW, ENOMEM);
            return false;
        }
        ar_slot_free(slot);
    }
    return true;
}

/* A thread that exited may have written a little after its destructors ran. Once the kernel has no such thread any
 * more, its tail is flushed and used again. The oldest are most likely gone, so a few looks at the head of the list are
 * enough. */
static void reclaim(void)
{
    long pid = ar_sys(SYS_getpid);
    for (int looks = 0; looks < 4 && ar_recording.exited_first; looks++) {
        struct ar_slot *slot = ar_recording.exited_first;
        if (ar_sys(SYS_tgkill, pid, (long)slot->os_tid, 0L) != -ESRCH)
            return;
        ar_recording.exited_first = slot->next;
        if (!ar_recording.exited_first)
            ar_recording.exited_last = NULL;
        if (slot->tail->length > 0 && !ar_write_chunk(slot->tail))
            return;
        ar_slot_free(slot);
    }
}

struct ar_slot *ar_slot_take(uint32_t size)
{
    struct ar_slot **list = size == AR_TAIL_SMALL ? &ar_recording.free_small : &ar_recording.free_large;
    reclaim();
    if (!*list && !grow(size))
        return NULL;
    struct ar_slot *slot = *list;
    if (slot)
        *list = slot->next;
    return slot;
}

void ar_slot_free(struct ar_slot *slot)
{
    __atomic_store_n(&slot->tail->length, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->tail->inside, 0, __ATOMIC_RELEASE);
    struct ar_slot **list = slot->tail->capacity == AR_TAIL_SMALL ? &ar_recording.free_small : &ar_recording.free_large;
    slot->next = *list;
    *list = slot;
}

void ar_slot_exited(struct ar_slot *slot)
{
    slot->next = NULL;
    if (ar_recording.exited_last)
        ar_recording.exited_last->next = slot;
    else
        ar_recording.exited_first = slot;
    ar_recording.exited_last = slot;
}
