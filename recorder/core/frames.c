/* The tree of frames, of this process alone, and how it is told: records in the order of their numbers, in chunks of
 * the arena that hold the records of a range. A record is written before its number is known to any other thread, so it
 * is told before it is used; a thread writes only the record that it has just numbered.
 *
 * The tree is a table of chains that only grow, at their heads: no lock. Two threads that add one frame at once may
 * give it two numbers, which costs a record.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "chunk.h"
#include "frames.h"

#define CHAINS (1u << 17)
#define NODES (1u << 21)
#define SLABS (1 + NODES / OF_SLAB)
#define OF_FIRST ((4096u - (uint32_t)sizeof(struct ar_chunk)) / (uint32_t)sizeof(struct ar_frame_record))
#define OF_SLAB ((32768u - (uint32_t)sizeof(struct ar_chunk)) / (uint32_t)sizeof(struct ar_frame_record))
#define MODULES 1024u
#define MOMENT 2000   /* tries, where another thread is at it */
#define PATIENCE 256u /* nodes without room, before room is asked for again */

struct node {
    uint64_t ip;
    uint32_t caller;
    uint32_t next;
    uint32_t flags;
};

/* Records of a range, in a chunk that no thread has. */
struct slab {
    struct ar_frame_record *records; /* NULL: nobody has opened it yet */
    uint32_t written;
    uint32_t done; /* of two: its holder is known, all its records are written */
    struct ar_thread holder;
};

static struct tree {
    uint32_t count; /* numbers that are given; 0: the kernel has wiped all this in a forked child */
    uint32_t generation;
    uint32_t refused; /* nodes for which there was no room, since there last was */
    /* Those that were told and are there yet, written by one thread at a time. Of an object that has gone the line
     * holds until its generation ends. */
    uint32_t telling, module_count, modules_of;
    uint32_t untold; /* not all could be written down */
    struct ar_code modules[MODULES];
    bool gone[MODULES];
    uint32_t chains[CHAINS];
    struct slab slabs[SLABS];
    struct node nodes[NODES];
} * tree;

bool ar_frames_begin(bool may_advise)
{
    void *memory = mmap(NULL, sizeof *tree, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    if (may_advise)
        madvise(memory, sizeof *tree, MADV_WIPEONFORK);
    tree = memory;
    tree->count = AR_NODE_FIRST;
    return true;
}

void ar_frames_again(void)
{
    if (tree->count)
        memset(tree, 0, offsetof(struct tree, nodes));
    tree->count = AR_NODE_FIRST;
}

void ar_frames_forget(void)
{
    __atomic_add_fetch(&tree->generation, 1, __ATOMIC_RELEASE);
}

/* Who does the last of the two gives the chunk to the drain. */
static void do_part(struct slab *slab)
{
    if (__atomic_add_fetch(&slab->done, 1, __ATOMIC_ACQ_REL) == 2)
        ar_store->give(&slab->holder, NULL);
}

/* A chunk that is of no use. */
static void give_back(struct ar_thread *holder)
{
    holder->tail->magic = 0;
    ar_store->give(holder, NULL);
}

/* The chunk for a range of records, whose first has the number `first`. Whoever finds none brings one, and the first
 * of them is the range's: nobody waits for a thread that may not be running just then. */
static struct ar_frame_record *open_slab(struct slab *slab, struct ar_process *header, uint32_t first, uint32_t count)
{
#ifdef AR_PLANTED_FULL /* of tests: so often there is no room */
    static int refusals = AR_PLANTED_FULL;
    if (__atomic_sub_fetch(&refusals, 1, __ATOMIC_RELAXED) >= 0)
        return NULL;
#endif
    if (!header) /* a handler has forked in mid-walk, and this is the child */
        return NULL;
    struct ar_thread holder = {.header = header, .waited = 1};
    const uint32_t bytes = count * (uint32_t)sizeof *slab->records;
    if (!ar_store->take(&holder, count == OF_FIRST ? AR_SMALL : AR_MEDIUM, &(struct ar_why){0}))
        return __atomic_load_n(&slab->records, __ATOMIC_ACQUIRE);
    if (holder.capacity < sizeof *holder.tail + bytes) { /* whoever comes next asks again */
        give_back(&holder);
        return __atomic_load_n(&slab->records, __ATOMIC_ACQUIRE);
    }
    struct ar_frame_record *records = (struct ar_frame_record *)(holder.tail + 1), *others = NULL;
#ifdef AR_SLOW_OPENING /* of tests: the thread loses its processor here */
    for (int i = 0; i < AR_SLOW_OPENING; i++)
        ar_sys(SYS_sched_yield);
#endif
    memset(records, 0, bytes);
    *holder.tail = (struct ar_chunk){.magic = AR_FRAMES_MAGIC, .sequence = first, .length = bytes};
    if (!__atomic_compare_exchange_n(&slab->records, &others, records, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        give_back(&holder);
        return others;
    }
    slab->holder = holder;
    do_part(slab);
    return records;
}

void ar_frames_open(struct ar_process *header)
{
    open_slab(&tree->slabs[0], header, 0, OF_FIRST);
}

/* Where a record is, in the slab that has room for it; NULL: none has. */
static struct ar_frame_record *place_of(uint32_t number, struct slab **slab)
{
    const bool is_first = number < OF_FIRST;
    const uint32_t at = is_first ? number : (number - OF_FIRST) % OF_SLAB;
    *slab = &tree->slabs[is_first ? 0 : 1 + (number - OF_FIRST) / OF_SLAB];
    struct ar_frame_record *records = __atomic_load_n(&(*slab)->records, __ATOMIC_ACQUIRE);
    if (AR_UNLIKELY(!records))
        records = open_slab(*slab, ar_recording.header, number - at, is_first ? OF_FIRST : OF_SLAB);
    return records ? records + at : NULL;
}

/* Whether the next number will have a place. A number without one is lost, and a thread without room is a thread that
 * comes back at once: where there is none, only every so many times it is asked for, as those who ask take small chunks
 * and give them back. */
static bool has_room(void)
{
    struct slab *slab;
    const uint32_t number = __atomic_load_n(&tree->count, __ATOMIC_RELAXED);
    if (number < AR_NODE_FIRST || number >= NODES)
        return false;
    if (AR_UNLIKELY(__atomic_load_n(&tree->refused, __ATOMIC_RELAXED)) &&
        __atomic_fetch_add(&tree->refused, 1, __ATOMIC_RELAXED) % PATIENCE)
        return false;
    const bool has = place_of(number, &slab) != NULL;
    if (AR_UNLIKELY(!has))
        __atomic_fetch_add(&tree->refused, 1, __ATOMIC_RELAXED);
    else if (AR_UNLIKELY(__atomic_load_n(&tree->refused, __ATOMIC_RELAXED)))
        __atomic_store_n(&tree->refused, 0, __ATOMIC_RELAXED);
    return has;
}

/* Writes a record where whoever reads the recording looks for it. */
static bool tell(uint32_t number, const struct node *node)
{
    struct slab *slab;
    struct ar_frame_record *record = place_of(number, &slab);
    if (!record)
        return false;
    record->ip = node->ip;
    record->caller = node->caller;
    __atomic_store_n(&record->flags, node->flags | AR_FRAME_PRESENT, __ATOMIC_RELEASE);
    const uint32_t all = number < OF_FIRST ? OF_FIRST - AR_NODE_FIRST : OF_SLAB; /* the first numbers no node has */
    if (__atomic_add_fetch(&slab->written, 1, __ATOMIC_ACQ_REL) == all)
        do_part(slab);
    return true;
}

static uint32_t search(uint32_t from, uint32_t until, const struct node *wanted)
{
    for (uint32_t i = from; i != until; i = tree->nodes[i].next) {
        const struct node *node = &tree->nodes[i];
        if (node->ip == wanted->ip && node->caller == wanted->caller && node->flags == wanted->flags)
            return i;
    }
    return AR_NODE_NONE;
}

uint32_t ar_frame_node(uint32_t caller, uint64_t ip, bool exact)
{
    const uint32_t generation = __atomic_load_n(&tree->generation, __ATOMIC_RELAXED);
    const struct node wanted = {
        .ip = ip,
        .caller = caller,
        .flags = (exact ? AR_FRAME_EXACT : 0) | generation << AR_FRAME_GENERATION_SHIFT,
    };
    const uint64_t hash = (ip ^ (uint64_t)caller << 32 ^ caller) * 0x9e3779b97f4a7c15u;
    uint32_t *chain = &tree->chains[hash >> 47];
    uint32_t head = __atomic_load_n(chain, __ATOMIC_ACQUIRE);
    uint32_t found = search(head, 0, &wanted);
    if (AR_LIKELY(found))
        return found;
    if (!has_room())
        return AR_NODE_NONE;
    const uint32_t number = __atomic_fetch_add(&tree->count, 1, __ATOMIC_RELAXED);
    if (number < AR_NODE_FIRST || number >= NODES || !tell(number, &wanted))
        return AR_NODE_NONE;
    struct node *node = &tree->nodes[number];
    *node = wanted;
    do {
        node->next = head;
    } while (!__atomic_compare_exchange_n(chain, &head, number, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
             !(found = search(head, node->next, &wanted)));
    return found ? found : number;
}

static char *put_hex(char *at, uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        if (value >> shift || shift == 0)
            *at++ = "0123456789abcdef"[value >> shift & 15];
    return at;
}

static bool is_same(const struct ar_code *a, const struct ar_code *b)
{
    return a->from == b->from && a->to == b->to && a->header == b->header;
}

/* The list is one thread's at a time; others wait for a moment, or do without. */
static bool lock_modules(void)
{
    for (int i = 0; __atomic_exchange_n(&tree->telling, 1, __ATOMIC_ACQUIRE); i++)
        if (i == MOMENT) {
            __atomic_store_n(&tree->untold, 1, __ATOMIC_RELAXED);
            return false;
        }
    return true;
}

static void unlock_modules(void)
{
    __atomic_store_n(&tree->telling, 0, __ATOMIC_RELEASE);
}

/* What is known of an earlier generation: all but what has gone, unless that is not known for sure. */
static void begin_generation(uint32_t generation)
{
    const uint32_t count = __atomic_exchange_n(&tree->untold, 0, __ATOMIC_RELAXED) ? 0 : tree->module_count;
    tree->module_count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!tree->gone[i])
            tree->modules[tree->module_count++] = tree->modules[i];
    memset(tree->gone, 0, count * sizeof *tree->gone);
    tree->modules_of = generation;
}

/* AR_MET_FIRST: it is this thread's to tell, of the generation that is then `since`. The generation is read by whoever
 * has the list, so it never goes back; the frame that it was met for is numbered later, in this one or a later one. */
static enum ar_meeting write_down(const struct ar_code *code, uint32_t *since)
{
    if (!lock_modules())
        return AR_MET_BEFORE;
    enum ar_meeting what = AR_MET_FIRST;
    *since = __atomic_load_n(&tree->generation, __ATOMIC_ACQUIRE);
    if (tree->modules_of != *since)
        begin_generation(*since);
    for (uint32_t i = 0; i < tree->module_count && what == AR_MET_FIRST; i++) {
        const struct ar_code *other = &tree->modules[i];
        if (code->from >= other->to || other->from >= code->to)
            continue;
        tree->gone[i] = tree->gone[i] || !is_same(code, other);
        what = tree->gone[i] ? AR_MET_ANOTHER : AR_MET_BEFORE;
    }
    if (what == AR_MET_FIRST && tree->module_count < MODULES) {
        tree->modules[tree->module_count++] = *code;
    } else if (what == AR_MET_FIRST) {
        __atomic_store_n(&tree->untold, 1, __ATOMIC_RELAXED);
        what = AR_MET_BEFORE;
    }
    unlock_modules();
    return what;
}

/* There was no room to tell it: that is for whoever meets it next. */
static void cross_out(const struct ar_code *code)
{
    if (!lock_modules())
        return;
    for (uint32_t i = 0; i < tree->module_count; i++)
        if (is_same(code, &tree->modules[i])) {
            tree->modules[i] = tree->modules[--tree->module_count];
            tree->gone[i] = tree->gone[tree->module_count];
            tree->gone[tree->module_count] = false;
        }
    unlock_modules();
}

bool ar_frames_have_lost(void)
{
    struct ar_module now;
    if (__atomic_load_n(&tree->untold, __ATOMIC_RELAXED) || !lock_modules())
        return true;
    bool lost = false;
    for (uint32_t i = 0; i < tree->module_count; i++)
        if (!tree->gone[i] && (!ar_code_find(tree->modules[i].from, &now) || !is_same(&now.code, &tree->modules[i])))
            lost = tree->gone[i] = true;
    unlock_modules();
    return lost;
}

/* A line: where it is, since which generation, its build id, its name. */
enum ar_meeting ar_frames_meet(const struct ar_module *module)
{
    uint32_t generation = 0;
    /* Without one, a handler has forked in mid-walk, and this is the child. */
    const enum ar_meeting what = ar_recording.header ? write_down(&module->code, &generation) : AR_MET_BEFORE;
    if (what != AR_MET_FIRST)
        return what;
    struct ar_thread holder = {.header = ar_recording.header, .waited = 1};
    if (!holder.header || !ar_store->take(&holder, AR_SMALL, &(struct ar_why){0})) {
        cross_out(&module->code);
        return what;
    }
    uint8_t id[32];
    const size_t id_length = ar_code_build_id(module, id, sizeof id);
    char *text = (char *)(holder.tail + 1), *at = text, *end = (char *)holder.tail + holder.capacity - 1;
    at = put_hex(at, module->code.from);
    *at++ = '-';
    at = put_hex(at, module->code.to);
    *at++ = ' ';
    at = put_hex(at, generation);
    *at++ = ' ';
    for (size_t i = 0; i < id_length; i++) {
        *at++ = "0123456789abcdef"[id[i] >> 4];
        *at++ = "0123456789abcdef"[id[i] & 15];
    }
    *at++ = ' ';
    at = ar_put_text(at, end, module->name[0] ? module->name : holder.header->exe);
    *at++ = '\n';
    *holder.tail =
        (struct ar_chunk){.magic = AR_DOCUMENT_MAGIC, .thread = AR_DOCUMENT_MODULES, .length = (uint32_t)(at - text)};
    ar_store->give(&holder, NULL);
    return what;
}
