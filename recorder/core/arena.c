/* Chunks of the session's arena. Taking and giving one is a few atomic steps: no lock, no system call, nothing that a
 * thread which was stopped or killed could leave half done for the others.
 *
 * A chunk that is free has its bit set in `free`. Who clears the bit has the chunk, and says so in its owner's word; a
 * full one is given to the drain by that word, and a bit in `full` that makes the drain look. Only the drain makes a
 * chunk free again. The bits are hints, and the words decide: a word that somebody has scribbled on loses a chunk, and
 * two threads get one chunk only where somebody scribbled on both. Even then each writes within the chunk, as cursor
 * and limit are its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "allocreplay_arena.h"
#include "chunk.h"
#include "handover.h"

/* What was checked when the arena was mapped. Never read again from there. Inherited by forks. */
static struct view {
    struct ar_arena *arena;
    struct ar_image *images; /* a page each */
    uint32_t image_count;
    uint32_t wait_ms;
    uint64_t quota, size;
    struct chunks {
        uint32_t size, count;
        uint64_t *owners, *free, *full;
        char *first;
    } classes[AR_ARENA_CLASSES];
} view;

/* Of a child that has parted from the arena, until its own recording begins. What it was forked in the middle of goes
 * on with the addresses that it had, and so does `view` meanwhile. */
static bool parted;
static char *elsewhere;

struct ar_chunk ar_no_chunk;
const struct ar_store *ar_store;

static bool inside(uint64_t offset, uint64_t count, uint64_t each, uint64_t size)
{
    return offset % 8 == 0 && count <= size && each <= size && offset <= size && count * each <= size - offset;
}

static bool check(const struct ar_arena *a)
{
    const uint64_t size = a->size;
    if (a->magic != AR_ARENA_MAGIC || a->version != AR_ARENA_VERSION || size > 1ull << 40)
        return false;
    if (a->image_count > 0xffff || !inside(a->images, a->image_count, AR_ARENA_PAGE, size))
        return false;
    for (int i = 0; i < AR_ARENA_CLASSES; i++) {
        const struct ar_arena_class *c = &a->classes[i];
        if (c->count % 64 || c->size < AR_ARENA_PAGE || c->size > 1u << 20 || !inside(c->owners, c->count, 8, size) ||
            !inside(c->free, c->count / 64, 8, size) || !inside(c->full, c->count / 64, 8, size) ||
            !inside(c->first, c->count, c->size, size))
            return false;
    }
    return true;
}

/* The memory is kept, for the next arena: so attaching again and again takes no more addresses. A thread that is still
 * on its way to the image before finds another in its place; so that it can tell, each has a slot of its own, from the
 * last on, which forked children take last. */
static void *kept;
static uint32_t left; /* images so far */

/* Memory that is not locked, in a program that may have all that it maps locked, and so filled (mlockall): what nobody
 * may touch is not filled. In the place of other memory it comes by one call, as a thread may be on its way there. */
static void *map_unlocked(void *at, uint64_t size, int flags, int fd)
{
    void *map = mmap(NULL, size, PROT_NONE, flags, fd, 0);
    if (map == MAP_FAILED)
        return MAP_FAILED;
    bool done = ar_sys(SYS_munlock, map, size) == 0 && ar_sys(SYS_mprotect, map, size, PROT_READ | PROT_WRITE) == 0;
    if (done && at) {
        done = ar_sys(SYS_mremap, map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == (long)at;
        if (done)
            map = at;
    }
    if (!done)
        munmap(map, size);
    return done ? map : MAP_FAILED;
}

void ar_arena_leave(struct ar_process *header)
{
    struct ar_image *image = (struct ar_image *)header;
    __atomic_store_n(&image->left, 1, __ATOMIC_SEQ_CST);
    void *own = map_unlocked(view.arena, view.size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    kept = own == view.arena ? view.arena : NULL;
    left++;
}

bool ar_arena_mapped(void)
{
    return view.arena != NULL;
}

int32_t allocreplay_arena_error;

/* Only calls that the loader has just made, as a filter of system calls may be in place already; but where we are
 * attached there was none. */
bool ar_arena_map(const char *path, bool handed_over)
{
    struct ar_arena copy = {0};
    long fd = handed_over ? ar_handed_over(path) : ar_sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    allocreplay_arena_error = fd < 0 ? (int32_t)-fd : 0;
    if (fd < 0)
        return false;
    void *map = mmap(NULL, sizeof copy, PROT_READ, MAP_SHARED, (int)fd, 0);
    if (map != MAP_FAILED) {
        memcpy(&copy, map, sizeof copy);
        munmap(map, sizeof copy);
        void *at = kept && view.size == copy.size ? kept : NULL;
        if (!check(&copy))
            map = MAP_FAILED;
        else if (ar_options.late)
            map = map_unlocked(at, copy.size, MAP_SHARED, (int)fd);
        else
            map = mmap(NULL, copy.size, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    }
    ar_sys(SYS_close, fd);
    if (map == MAP_FAILED) {
        allocreplay_arena_error = copy.magic && !check(&copy) ? EPROTO : ENOMEM;
        return false;
    }
    for (int i = 0; i < AR_ARENA_CLASSES; i++) {
        const struct ar_arena_class *c = &copy.classes[i];
        char *base = map;
        view.classes[i] = (struct chunks){c->size,
                                          c->count,
                                          (uint64_t *)(base + c->owners),
                                          (uint64_t *)(base + c->free),
                                          (uint64_t *)(base + c->full),
                                          base + c->first};
    }
    view.images = (struct ar_image *)((char *)map + copy.images);
    view.image_count = copy.image_count;
    view.wait_ms = copy.wait_ms < 1000 ? copy.wait_ms : 1000;
    view.quota = copy.quota;
    view.size = copy.size;
    view.arena = map;
    return true;
}

void *ar_arena_again(void *at)
{
    char *old = (char *)view.arena, *now = elsewhere;
    if (!parted)
        return at;
    if (!now)
        return NULL;
#define MOVED(pointer) ((void *)(now + ((char *)(pointer)-old)))
    for (int i = 0; i < AR_ARENA_CLASSES; i++) {
        struct chunks *c = &view.classes[i];
        c->owners = MOVED(c->owners);
        c->free = MOVED(c->free);
        c->full = MOVED(c->full);
        c->first = MOVED(c->first);
    }
    view.images = MOVED(view.images);
    view.arena = MOVED(view.arena);
    parted = false;
    return MOVED(at);
#undef MOVED
}

static struct ar_image *image_at(uint32_t index)
{
    return (struct ar_image *)((char *)view.images + (size_t)index * AR_ARENA_PAGE);
}

struct ar_image *ar_arena_image(void)
{
    uint32_t number = __atomic_add_fetch(&view.arena->image_numbers, 1, __ATOMIC_RELAXED);
    const uint32_t first = left ? view.image_count - 1 - left % (view.image_count / 2) : number;
    for (uint32_t i = 0; i < view.image_count; i++) {
        struct ar_image *image = image_at((first + i) % view.image_count);
        uint32_t expected = AR_IMAGE_FREE;
        if (__atomic_load_n(&image->state, __ATOMIC_RELAXED) == AR_IMAGE_FREE &&
            __atomic_compare_exchange_n(&image->state, &expected, AR_IMAGE_CLAIMED, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED)) {
            memset(image, 0, offsetof(struct ar_image, state));
            image->number = number;
            image->parent = image->filtered = 0;
            image->held = image->waits = image->left = 0;
            image->mapped_at = (uint64_t)view.arena;
            return image;
        }
    }
    __atomic_fetch_add(&view.arena->refused, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* A controller stores the session's word, and then that of each slot that is taken; ours is taken already, and reads
 * the session's word. One of the two sees the other's: where we have read the old word after all, the slot was taken,
 * and its word written, before the controller went through the slots, and so it is the controller's that stays. */
void ar_arena_publish(struct ar_image *image, bool stopped)
{
    struct ar_process *header = &image->process;
    uint32_t control;
    do {
        control = __atomic_load_n(&view.arena->control, __ATOMIC_SEQ_CST);
        header->interval = image->first_interval = stopped ? 0 : control;
        __atomic_store_n(&header->control, header->interval, __ATOMIC_SEQ_CST);
    } while (__atomic_load_n(&view.arena->control, __ATOMIC_SEQ_CST) != control);
    __atomic_store_n(&image->state, AR_IMAGE_LIVE, __ATOMIC_SEQ_CST);
}

/* By the drain's latest reading: a program may have a clock of its own in place of the system's. While we copy one of
 * the two places the drain writes the other; only where it published a second time has it written over ours. */
void ar_arena_time(uint64_t ticks, uint64_t *mono_ns, uint64_t *realtime_ns)
{
    struct ar_arena_clock c = {0};
    for (int attempt = 0; attempt < 1000; attempt++) {
        uint32_t version = __atomic_load_n(&view.arena->clock_version, __ATOMIC_ACQUIRE);
        memcpy(&c, &view.arena->clocks[version % 2], sizeof c);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (__atomic_load_n(&view.arena->clock_version, __ATOMIC_RELAXED) == version)
            break;
    }
    /* Signed, as another core's counter may be a little behind the one that the drain read. */
    int64_t since = (int64_t)((__int128)(int64_t)(ticks - c.ticks) * (__int128)c.scale >> 32);
    *mono_ns = c.mono_ns + (uint64_t)since;
    *realtime_ns = c.realtime_ns + (uint64_t)since;
}

uint32_t ar_arena_tick_shift(void)
{
    return view.arena->tick_shift & 31;
}

static uint32_t image_index(const struct ar_process *header)
{
    return (uint32_t)(((const char *)header - (const char *)view.images) / AR_ARENA_PAGE);
}

/* `place` is the owner's word of the chunk. */
static bool claim(struct ar_thread *t, enum ar_size size, uint32_t image)
{
    const struct chunks *c = &view.classes[size];
    for (uint32_t word = 0; word < c->count / 64; word++) {
        uint64_t bits;
        while ((bits = __atomic_load_n(&c->free[word], __ATOMIC_RELAXED)) != 0) {
            unsigned bit = (unsigned)__builtin_ctzll(bits);
            if (!(__atomic_fetch_and(&c->free[word], ~(1ull << bit), __ATOMIC_ACQUIRE) & 1ull << bit))
                continue;
            uint64_t *owner = &c->owners[word * 64 + bit], was = __atomic_load_n(owner, __ATOMIC_RELAXED);
            uint64_t mine = ((was >> AR_CHUNK_TURN_SHIFT) + 1) << AR_CHUNK_TURN_SHIFT |
                            (uint64_t)image << AR_CHUNK_IMAGE_SHIFT | AR_CHUNK_OWNED;
            if ((was & AR_CHUNK_STATE_MASK) != AR_CHUNK_FREE ||
                !__atomic_compare_exchange_n(owner, &was, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
                continue; /* the bit lied */
            AR_LITMUS_FORK(0);
            struct ar_chunk *chunk = (struct ar_chunk *)(c->first + (size_t)(word * 64 + bit) * c->size);
            t->place = owner;
            t->tail = chunk;
            t->capacity = c->size;
            return true;
        }
    }
    return false;
}

/* A small chunk is better than none, and where there is none of that size either, so is a large one. */
static bool claim_within_quota(struct ar_thread *t, enum ar_size size, struct ar_image *image, uint32_t index)
{
    for (int i = 0; i < AR_ARENA_CLASSES; i++) {
        const int s = i <= (int)size ? (int)size - i : i;
        uint64_t bytes = view.classes[s].size;
        if (__atomic_add_fetch(&image->held, bytes, __ATOMIC_RELAXED) <= view.quota && claim(t, (enum ar_size)s, index))
            return true;
        __atomic_fetch_sub(&image->held, bytes, __ATOMIC_RELAXED);
    }
    return false;
}

/* The one wait of a recorded thread: bounded, once for each lack of chunks, and never where a filter of system calls
 * would make it the thread's end. */
static bool wait_for(struct ar_thread *t, enum ar_size size, struct ar_image *image, uint32_t index)
{
    if (t->waited || view.wait_ms == 0 || __atomic_load_n(&image->filtered, __ATOMIC_RELAXED))
        return false;
    t->waited = 1;
    __atomic_fetch_add(&image->waits, 1, __ATOMIC_RELAXED);
    const struct timespec pause = {.tv_nsec = 1000000};
    bool found = false;
    __atomic_fetch_add(&view.arena->waiting, 1, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < view.wait_ms && !found; i++) {
        uint32_t seen = __atomic_load_n(&view.arena->freed, __ATOMIC_SEQ_CST);
        found = claim_within_quota(t, size, image, index);
        if (!found)
            ar_sys(SYS_futex, &view.arena->freed, FUTEX_WAIT, seen, &pause);
    }
    __atomic_fetch_sub(&view.arena->waiting, 1, __ATOMIC_RELAXED);
    return found;
}

static bool take(struct ar_thread *t, enum ar_size size, struct ar_why *why)
{
    (void)why;
    uint32_t index = image_index(t->header);
    struct ar_image *image = image_at(index);
    if (!claim_within_quota(t, size, image, index) && !wait_for(t, size, image, index))
        return false;
    t->waited = 0;
    __atomic_store_n(&t->tail->inside, 1, __ATOMIC_RELEASE);
    return true;
}

/* The drain has taken the chunk away where it was sure, wrongly, that its thread is no more: then its word is another,
 * and stays. */
static void hand_over(struct ar_thread *t, enum ar_chunk_state state)
{
    uint64_t *owner = t->place, word = __atomic_load_n(owner, __ATOMIC_RELAXED);
    if ((word & AR_CHUNK_STATE_MASK) != AR_CHUNK_OWNED && (word & AR_CHUNK_STATE_MASK) != AR_CHUNK_EXITED)
        return;
    uint64_t given = (word & ~(uint64_t)AR_CHUNK_STATE_MASK) | state;
    AR_LITMUS_FORK(1);
    if (!__atomic_compare_exchange_n(owner, &word, given, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return;
    for (int i = 0; i < AR_ARENA_CLASSES; i++) {
        const struct chunks *c = &view.classes[i];
        if ((uintptr_t)owner - (uintptr_t)c->owners < (uintptr_t)c->count * sizeof *owner) {
            size_t n = (size_t)(owner - c->owners);
            __atomic_fetch_or(&c->full[n / 64], 1ull << n % 64, __ATOMIC_RELEASE);
        }
    }
}

static bool give(struct ar_thread *t, struct ar_why *why)
{
    (void)why;
    if (!t->place)
        return true;
    __atomic_store_n(&t->tail->inside, 0, __ATOMIC_RELEASE);
    hand_over(t, AR_CHUNK_FULL);
    t->place = NULL;
    t->tail = &ar_no_chunk;
    return true;
}

static void leave(struct ar_thread *t)
{
    if (t->place)
        hand_over(t, AR_CHUNK_EXITED);
}

/* All of the arena, not the thread's chunk alone: it may be taking another just now, or counting a call that is lost.
 * In zeroed memory no chunk is free, and none is the thread's to give. Where a filter of system calls might not know
 * the one that moves memory, the child is not recorded. */
static void part(struct ar_thread *t)
{
    const bool filtered = __atomic_load_n(&image_at(image_index(t->header))->filtered, __ATOMIC_RELAXED);
    t->waited = 1; /* it does not for a chunk either */
    if (!parted)
        elsewhere = ar_part_from(view.arena, view.size, !filtered, &parted);
}

const struct ar_store ar_arena_store = {take, give, leave, part};

/* Text goes to the drain in chunks of its own. What does not fit is left out: it is metadata. */
void ar_arena_carry(struct ar_image *image, enum ar_document what, const char *path)
{
    struct ar_thread carrier = {.header = &image->process, .waited = 1};
    long fd = ar_sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), n = 1;
    for (uint32_t part = 0; fd >= 0 && n > 0 && take(&carrier, AR_MEDIUM, NULL); part++) {
        char *text = (char *)(carrier.tail + 1);
        uint32_t room = carrier.capacity - (uint32_t)sizeof *carrier.tail, length = 0;
        while (length < room && (n = ar_sys(SYS_read, fd, text + length, room - length)) > 0)
            length += (uint32_t)n;
        *carrier.tail =
            (struct ar_chunk){.magic = AR_DOCUMENT_MAGIC, .thread = what, .sequence = part, .length = length};
        give(&carrier, NULL);
    }
    if (fd >= 0)
        ar_sys(SYS_close, fd);
}
