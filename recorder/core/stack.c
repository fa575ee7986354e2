/* Walks.
 *
 * A walk begins inside the hook, whose own frames are left out, and goes up by the rules of code.h. Most of it is known
 * from the thread's last one: where a frame has the ip, the stack pointer and (if the frames above it are found by
 * that) the frame pointer that it had then, and each return address and saved frame pointer above still is what it was,
 * all frames above are the same, by induction: each was found by the one below it and by these words alone. So a walk
 * of forty frames that differ from the last in the lowest two costs two steps and thirty-eight comparisons. The words
 * lie above a frame that is alive, so they can be read.
 *
 * That no read faults. On the thread's own stack: what is read is between a frame that is alive (the walk begins in
 * one; each step goes up) and the top, and all of that is mapped while the thread lives, however wrong a step may be.
 * On another, a coroutine's or a handler's, nobody tells us when it is unmapped, and a smaller one may be where it was:
 * each walk that begins there asks the kernel how much of it can be read, and reads no more, whatever frame information
 * says (it is silent of registers that code has for something else). Where there is none, the guess that the frame
 * pointer is one is tried by the kernel, which copies the two words or says that there are none.
 *
 * That code is not read when it is gone. The tables of an object are read for a return address into it, and the frame
 * that it returns to is alive: a program that unloads code which is being run ends anyway. The exception is an address
 * that was found by a guess: there the walk and dlclose (begin_close) see each other, and the walk ends.
 */
#include "stack.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* Defined by a build of the tests only, which compares each walk with another unwinder's. */
#ifndef AR_WALKED
#define AR_WALKED(ip, depth, hook) ((void)0)
#define AR_LOST(ip, depth, hook) ((void)0) /* it did not reach the thread's first frame; not for want of depth */
#endif

/* Threads at a time; those beyond have no stacks. Fewer in a build of the tests only. */
#ifndef AR_STACKS
#define AR_STACKS 4096u
#endif
#define PAGE 4096u
#define PROBE_PAGES 64u

/* A library beside ours that tells us of calls: its frames are left out as ours are. Inherited by children. */
static struct ar_extent beside;

AR_EXPORT void allocreplay_beside(const void *from, const void *to)
{
    beside = (struct ar_extent){(uint64_t)from, (uint64_t)to};
}

/* Of a frame: how its caller was found. */
struct step {
    uint64_t place; /* of the frame pointer that the caller had; 0: it is this frame's */
    bool by_bp;     /* this frame's frame pointer led to it */
    bool fixed;     /* by words on the stack, whose places do not depend on others */
};

enum { EXACT = 1, BY_BP = 2, FIXED = 4, NEEDS_BP = 8 }; /* NEEDS_BP: what is above depends on this frame's bp */

struct ar_stack {
    uint32_t depth; /* frames that are known, of the last walk; 0: none */
    uint32_t index;
    uint32_t generation;
    uint32_t root;               /* caller of the first frame that is known: none, or more that could not be walked */
    bool guessed;                /* this walk has gone up by a frame pointer */
    bool widened;                /* it has asked how far the other stack goes */
    struct ar_extent own, other; /* the thread's stack; another that it was seen on */
    /* Frame 0 is the thread's first. */
    uint64_t ip[AR_DEPTH_MAX], sp[AR_DEPTH_MAX], bp[AR_DEPTH_MAX], place[AR_DEPTH_MAX];
    uint32_t node[AR_DEPTH_MAX];
    uint8_t flags[AR_DEPTH_MAX];
    /* What a walk has found so far: the lowest first. */
    struct ar_frame fresh[AR_DEPTH_MAX];
    struct step steps[AR_DEPTH_MAX];
};

static struct {
    struct ar_stack *all;
    uint64_t taken[AR_STACKS / 64];
    uint32_t depth_max;
    bool by_pointer;
    bool may_not_ask;    /* a filter of system calls is in place */
    uint32_t generation; /* rises when code has gone */
    int closing;         /* threads that unload code */
    int guesses;         /* threads that look up what may be no address of code that is in use */
    struct ar_extent hook;
    const void *allocator_function;
    struct ar_extent allocator; /* whose frames are left out where they are the lowest: it calls us */
} stacks;

bool ar_stacks_begin(uint32_t depth, bool by_pointer, bool filtered)
{
    struct ar_module self;
    ar_code_resolve();
    if (!ar_code_find((uint64_t)&ar_stacks_begin, &self) || !ar_frames_begin(!filtered))
        return false;
    void *memory = mmap(NULL, AR_STACKS * sizeof *stacks.all, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    stacks.hook = (struct ar_extent){self.code.from, self.code.to};
    /* An allocator in the executable cannot be told from the program. */
    if (stacks.allocator_function && ar_code_find((uint64_t)stacks.allocator_function, &self) && self.name[0])
        stacks.allocator = (struct ar_extent){self.code.from, self.code.to};
    stacks.depth_max = depth == 0 ? 64 : depth < AR_DEPTH_MAX ? depth : AR_DEPTH_MAX;
    stacks.by_pointer = by_pointer;
    stacks.may_not_ask = filtered;
    stacks.all = memory;
    return true;
}

void ar_stacks_leave_out(const void *function)
{
    stacks.allocator_function = function;
}

void ar_stacks_again(void)
{
    if (!stacks.all)
        return;
    memset(stacks.taken, 0, sizeof stacks.taken);
    stacks.closing = stacks.guesses = 0; /* those of threads that are not here */
    ar_code_forget();                    /* so that the modules are told again */
    ar_frames_again();
}

void ar_stacks_filtered(void)
{
    stacks.may_not_ask = true;
}

static void forget(void)
{
    ar_code_forget();
    ar_frames_forget();
    __atomic_add_fetch(&stacks.generation, 1, __ATOMIC_RELEASE);
}

/* Here too a thread that waits does so for a moment: the other may be stopped. */
void ar_stacks_begin_close(void)
{
    __atomic_add_fetch(&stacks.closing, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 100000 && __atomic_load_n(&stacks.guesses, __ATOMIC_SEQ_CST) > 0; i++)
        continue;
}

void ar_stacks_end_close(bool gone)
{
    __atomic_sub_fetch(&stacks.closing, 1, __ATOMIC_SEQ_CST);
    if (gone && ar_frames_have_lost())
        forget();
}

struct ar_stack *ar_stack_take(uint64_t top, uint64_t size)
{
    if (!stacks.all)
        return NULL;
    for (uint32_t word = 0; word < AR_STACKS / 64; word++) {
        uint64_t taken;
        while ((taken = __atomic_load_n(&stacks.taken[word], __ATOMIC_RELAXED)) != UINT64_MAX) {
            uint64_t bit = ~taken & (taken + 1);
            if (__atomic_fetch_or(&stacks.taken[word], bit, __ATOMIC_ACQUIRE) & bit)
                continue;
            uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(bit);
            struct ar_stack *stack = &stacks.all[index];
            stack->depth = 0;
            stack->index = index;
            stack->own = (struct ar_extent){size < top ? top - size : 0, top};
            stack->other = (struct ar_extent){0, 0};
            return stack;
        }
    }
    return NULL;
}

void ar_stack_give(struct ar_stack *stack)
{
    __atomic_fetch_and(&stacks.taken[stack->index / 64], ~(1ull << stack->index % 64), __ATOMIC_RELEASE);
}

/* How much can be read from an address on: the kernel is asked to read a byte of each page, and stops at the first that
 * it cannot. */
static struct ar_extent probe(uint64_t address)
{
    struct iovec pages[PROBE_PAGES], into;
    char bytes[PROBE_PAGES];
    uint64_t from = address & ~(uint64_t)(PAGE - 1);
    for (unsigned i = 0; i < PROBE_PAGES; i++)
        pages[i] = (struct iovec){(void *)(from + i * PAGE), 1};
    into = (struct iovec){bytes, sizeof bytes};
    long n = ar_sys(SYS_process_vm_readv, ar_sys(SYS_getpid), &into, 1, pages, PROBE_PAGES, 0);
    return (struct ar_extent){from, n > 0 ? from + (uint64_t)n * PAGE : from};
}

/* What two words are that may not be there. */
static bool peek(uint64_t address, uint64_t words[2])
{
    struct iovec from = {(void *)address, 16}, into = {words, 16};
    return !stacks.may_not_ask && ar_sys(SYS_process_vm_readv, ar_sys(SYS_getpid), &into, 1, &from, 1, 0) == 16;
}

/* Whether the tables of an object may be read just now. A thread stores that it looks, then reads whether one closes;
 * the other stores that it closes, then reads whether one looks. */
static bool may_look(const struct ar_stack *s)
{
    if (AR_LIKELY(!s->guessed))
        return true;
    __atomic_add_fetch(&stacks.guesses, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&stacks.closing, __ATOMIC_SEQ_CST) <= 0)
        return true;
    __atomic_sub_fetch(&stacks.guesses, 1, __ATOMIC_SEQ_CST);
    return false;
}

static void looked(const struct ar_stack *s)
{
    if (AR_UNLIKELY(s->guessed))
        __atomic_sub_fetch(&stacks.guesses, 1, __ATOMIC_RELEASE);
}

/* The rule of an address that was not looked up lately. Unknown: nobody may look now. */
static ar_rule look_up(const struct ar_stack *s, const struct ar_frame *f)
{
    struct ar_module object;
    if (!may_look(s))
        return AR_UNWIND_UNKNOWN;
    const ar_rule rule = ar_code_rule_of(f->ip, f->exact, &object);
    if (object.name && ar_frames_meet(&object) == AR_MET_ANOTHER) {
        forget();
        ar_frames_meet(&object);
    }
    looked(s);
    return rule;
}

/* The stack that an address is on. Not the thread's own: a handler's, a coroutine's. Where the kernel may not be asked,
 * it is not known. */
static const struct ar_extent *extent_of(struct ar_stack *s, uint64_t sp)
{
    if (ar_within(&s->own, sp))
        return &s->own;
    if (stacks.may_not_ask)
        return NULL;
#ifdef AR_PLANTED_STALE /* a fault that tests are to find: what was once there is taken for what is */
    if (ar_within(&s->other, sp))
        return &s->other;
#endif
    const struct ar_extent before = s->other;
    s->other = probe(sp);
    /* The words that are compared with the last walk's lie below the end that it knew. */
    if (!ar_within(&before, sp) || s->other.to < before.to)
        s->depth = 0;
    return ar_within(&s->other, sp) ? &s->other : NULL;
}

/* The lowest known frame from which on all is as it was; `from` is as it was itself. */
static uint32_t unchanged(const struct ar_stack *s, uint32_t from)
{
#ifdef AR_PLANTED_TRUST /* a fault that tests are to find */
    return 0;
#endif
    for (uint32_t i = from; i > 0; i--) {
        if (!(s->flags[i] & FIXED) || ((const uint64_t *)s->sp[i - 1])[-1] != s->ip[i - 1])
            return i;
        if (s->place[i] && s->flags[i - 1] & NEEDS_BP && *(const uint64_t *)s->place[i] != s->bp[i - 1])
            return i;
    }
    return 0;
}

static bool is_hook(uint64_t ip)
{
    return ip - stacks.hook.from < stacks.hook.to - stacks.hook.from || ip - beside.from < beside.to - beside.from;
}

static bool is_below_program(uint64_t ip)
{
    return is_hook(ip) || ip - stacks.allocator.from < stacks.allocator.to - stacks.allocator.from;
}

enum walked { WENT_UP, AT_START, CUT };

/* Where there is no other way, or none is wanted. The first frame of a thread has no frame pointer. */
static enum walked step_by_pointer(struct ar_stack *s, struct ar_frame *f, const struct ar_extent *stack,
                                   struct step *how)
{
    struct ar_module object;
    uint64_t words[2];
#ifdef AR_PLANTED_STALE /* a fault that tests are to find: what is known of another stack is taken for true */
    const bool on_own = true;
#else
    const bool on_own = stack == &s->own;
#endif
    *how = (struct step){0, true, on_own};
    if (f->bp == 0 && stacks.by_pointer)
        return AT_START;
    if (on_own ? !ar_unwind_by_pointer(f, stack) : f->bp < f->sp || !ar_within(stack, f->bp) || !peek(f->bp, words))
        return CUT;
    if (!on_own)
        *f = (struct ar_frame){words[1], f->bp + 16, words[0], false};
    how->place = f->sp - 16;
    s->guessed = true;
    ar_rule rule = ar_code_rule(f->ip);
    if (rule == AR_UNWIND_UNKNOWN)
        rule = look_up(s, f);
    if (AR_RULE_KIND(rule) != AR_UNWIND_NONE)
        return AR_RULE_KIND(rule) == AR_UNWIND_UNKNOWN ? CUT : WENT_UP;
    /* Code that has no frame information is code all the same, if an object has it. */
    if (!may_look(s))
        return CUT;
    const bool is_code = ar_code_find(f->ip - 1, &object);
    looked(s);
    return is_code ? WENT_UP : CUT;
}

/* The other stack was smaller when it was last seen, or another: asked once in a walk. */
static bool widen(struct ar_stack *s, const struct ar_frame *f, const struct ar_extent *stack)
{
    if (stack != &s->other || s->widened || stacks.may_not_ask)
        return false;
    s->widened = true;
    s->other = probe(f->sp);
    return true;
}

static enum walked step_up(struct ar_stack *s, struct ar_frame *f, const struct ar_extent **stack, struct step *how)
{
    struct ar_module object;
    ar_rule rule = f->exact ? AR_UNWIND_UNKNOWN : ar_code_rule(f->ip);
    if (AR_UNLIKELY(rule == AR_UNWIND_UNKNOWN))
        rule = look_up(s, f);
    /* What frame pointers do not tell is where a signal was handled, and what it interrupted; nor where a thread
     * starts. Where they lead nowhere, as in the C library, which has none, there may be frame information. */
    if (stacks.by_pointer && *stack == &s->own && AR_RULE_KIND(rule) != AR_UNWIND_LONG &&
        AR_RULE_KIND(rule) != AR_UNWIND_END && !f->exact && !is_below_program(f->ip)) {
        const struct ar_frame before = *f;
        const enum walked went = step_by_pointer(s, f, *stack, how);
        if (went != CUT || AR_RULE_KIND(rule) != AR_UNWIND_PLAIN)
            return went;
        *f = before;
    }
    *how = (struct step){0, AR_RULE_OF_BP(rule), true};
    switch (AR_RULE_KIND(rule)) {
    case AR_UNWIND_PLAIN:
        if (!ar_unwind_plain(f, rule, *stack) && !(widen(s, f, *stack) && ar_unwind_plain(f, rule, *stack)))
            return CUT;
        if (AR_RULE_BP_SAVED(rule))
            how->place = f->sp + (uint64_t)AR_RULE_PLACE(rule);
        return WENT_UP;
    case AR_UNWIND_END:
        return AT_START;
    case AR_UNWIND_LONG: {
        how->fixed = false;
        if (!may_look(s))
            return CUT;
        const bool went = ar_code_find(f->ip - !f->exact, &object) && ar_unwind_long(&object.code, f, *stack);
        looked(s);
        if (!went)
            return CUT;
        if (!ar_within(*stack, f->sp))
            *stack = &s->own; /* what interrupted it; from the own stack no walk goes to another */
        return ar_within(*stack, f->sp) ? WENT_UP : CUT;
    }
    case AR_UNWIND_NONE:
        /* Where the loader was entered by the kernel, it has none. */
        return *stack == &s->own && s->own.to - f->sp <= AR_ABOVE_FIRST ? AT_START : step_by_pointer(s, f, *stack, how);
    default:
        return CUT;
    }
}

/* Frames of ours in the middle (dlclose, an operator that calls a new-handler) are not told. */
static uint32_t node_above(uint32_t node, uint64_t ip, bool exact)
{
    return AR_UNLIKELY(is_hook(ip)) ? node : ar_frame_node(node, ip, exact);
}

/* Takes over what a walk found, below the frames that stay as they were. Where it could not go on, what it found stays
 * true as long as the last frame is where it is and has the frame pointer that it had. */
static uint32_t keep(struct ar_stack *s, uint32_t known, uint32_t fresh, uint32_t root)
{
    uint32_t node = known ? s->node[known - 1] : root;
    if (known == 0)
        s->root = root;
    for (uint32_t n = fresh; n-- > 0; known++) {
        if (known > 0 && !node)
            break; /* there was no room for a caller */
        const struct ar_frame *f = &s->fresh[n];
        const struct step *how = &s->steps[n];
        const bool passes_on = !how->place && known > 0 && s->flags[known - 1] & NEEDS_BP;
        s->ip[known] = f->ip;
        s->sp[known] = f->sp;
        s->bp[known] = f->bp;
        s->place[known] = how->place;
        s->flags[known] = (uint8_t)((f->exact ? EXACT : 0) | (how->by_bp ? BY_BP : 0) | (how->fixed ? FIXED : 0) |
                                    (how->by_bp || passes_on || (known == 0 && root) ? NEEDS_BP : 0));
        s->node[known] = node = node_above(node, f->ip, f->exact);
    }
    s->depth = node ? known : 0;
    return node;
}

/* The stack of which only the lowest frames are told, as many as were asked for. */
static uint32_t cut(struct ar_stack *s, uint32_t known, uint32_t fresh)
{
    const uint32_t left = stacks.depth_max - fresh;
    uint32_t node = AR_NODE_CUT;
    for (uint32_t i = known > left ? known - left : 0; i < known && node; i++)
        node = node_above(node, s->ip[i], s->flags[i] & EXACT);
    for (uint32_t n = fresh; n-- > 0 && node;)
        node = node_above(node, s->fresh[n].ip, s->fresh[n].exact);
    s->depth = 0;
    return node == AR_NODE_CUT ? AR_NODE_NONE : node;
}

/* In one copy: its first rule is of one place. */
__attribute__((noinline, noclone)) uint32_t ar_stack_of_call(struct ar_stack *s)
{
    struct ar_frame f = {.exact = true};
    struct step how;
#if defined(__x86_64__)
    __asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2" : "=r"(f.ip), "=r"(f.sp), "=r"(f.bp));
#else
    f.ip = (uint64_t)__builtin_return_address(0);
    f.sp = f.bp = (uint64_t)__builtin_frame_address(0);
#endif
    const uint32_t generation = __atomic_load_n(&stacks.generation, __ATOMIC_ACQUIRE);
    if (AR_UNLIKELY(s->generation != generation)) {
        s->generation = generation;
        s->depth = 0;
    }
    s->guessed = s->widened = false;
    const struct ar_extent *stack = extent_of(s, f.sp);
    if (!stack) {
        AR_LOST(s->ip, 0, stacks.hook);
        return AR_NODE_NONE;
    }
    static ar_rule first; /* of the one place where walks begin */
    ar_rule rule = __atomic_load_n(&first, __ATOMIC_RELAXED);
    struct ar_module object;
    if (AR_UNLIKELY(rule == AR_UNWIND_UNKNOWN))
        __atomic_store_n(&first, rule = ar_code_rule_of(f.ip, true, &object), __ATOMIC_RELAXED);
    if (AR_RULE_KIND(rule) != AR_UNWIND_PLAIN || !ar_unwind_plain(&f, rule, stack))
        return AR_NODE_NONE;
    while (is_below_program(f.ip))
        if (step_up(s, &f, &stack, &how) != WENT_UP)
            return AR_NODE_NONE;

    uint32_t known = s->depth, fresh = 0;
    enum walked end = WENT_UP;
    while (end == WENT_UP) {
        while (known > 0 && s->sp[known - 1] < f.sp)
            known--;
        if (known > 0 && s->sp[known - 1] == f.sp && s->ip[known - 1] == f.ip &&
            (!(s->flags[known - 1] & NEEDS_BP) || s->bp[known - 1] == f.bp)) {
            uint32_t same = unchanged(s, known - 1);
            if (same == 0)
                break;
            /* The frames down to `same` are what they were, but for frame pointers that nothing depended on; its caller
             * is another. */
            for (; known - 1 > same && fresh < stacks.depth_max; known--, fresh++) {
                const uint32_t i = known - 1;
                s->fresh[fresh] = (struct ar_frame){s->ip[i], s->sp[i], f.bp, s->flags[i] & EXACT};
                s->steps[fresh] = (struct step){s->place[i], s->flags[i] & BY_BP, s->flags[i] & FIXED};
                if (s->place[i])
                    f.bp = *(const uint64_t *)s->place[i];
            }
            f = (struct ar_frame){s->ip[known - 1], s->sp[known - 1], f.bp, s->flags[known - 1] & EXACT};
            known--;
        }
        if (fresh == stacks.depth_max) {
            end = CUT;
            break;
        }
        s->fresh[fresh] = f;
        end = step_up(s, &f, &stack, &s->steps[fresh]);
        fresh++;
    }
    if (end == AT_START)
        known = 0;
    const bool lost = end == CUT && fresh < stacks.depth_max;
    if (AR_UNLIKELY((end == CUT && !lost) || known + fresh > stacks.depth_max))
        return cut(s, end == CUT ? 0 : known, fresh);
    const uint32_t node = keep(s, lost ? 0 : known, fresh, lost ? AR_NODE_CUT : AR_NODE_NONE);
    if (s->root == AR_NODE_NONE)
        AR_WALKED(s->ip, s->depth, stacks.hook);
    else
        AR_LOST(s->ip, s->depth, stacks.hook);
    return node;
}
