/* Included into a build of the hook that compares each walk with libgcc's unwinder, at the same moment, and says on
 * standard error, when the program ends, how many differed; of the first few, how.
 */
#ifndef STACK_ORACLE_H
#define STACK_ORACLE_H

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ORACLE_DEPTH 400
#define ORACLE_TELL 4 /* differences in full */

struct _Unwind_Context;
struct oracle_walk {
    uint64_t ip[ORACLE_DEPTH];
    unsigned depth;
};
static __thread struct oracle_walk oracle_walk __attribute__((tls_model("initial-exec")));
static int (*oracle_backtrace)(int (*)(struct _Unwind_Context *, void *), void *);
static unsigned long (*oracle_ip)(struct _Unwind_Context *, int *);
static unsigned long oracle_walks, oracle_early, oracle_differences, oracle_further;

static int oracle_note(struct _Unwind_Context *context, void *unused)
{
    (void)unused;
    int exact;
    uint64_t ip = oracle_ip(context, &exact);
    if (ip && oracle_walk.depth < ORACLE_DEPTH)
        oracle_walk.ip[oracle_walk.depth++] = ip;
    return 0;
}

__attribute__((constructor)) static void oracle_find(void)
{
    void *libgcc = dlopen("libgcc_s.so.1", RTLD_NOW);
    oracle_ip = (unsigned long (*)(struct _Unwind_Context *, int *))dlsym(libgcc, "_Unwind_GetIPInfo");
    oracle_backtrace = (int (*)(int (*)(struct _Unwind_Context *, void *), void *))dlsym(libgcc, "_Unwind_Backtrace");
}

__attribute__((destructor)) static void oracle_tell(void)
{
    if (oracle_walks || oracle_early)
        dprintf(2, "oracle: pid %d: %lu walks, %lu differ; %lu went further, %lu ended early\n", (int)getpid(),
                oracle_walks + oracle_early, oracle_differences, oracle_further, oracle_early);
}

static unsigned oracle_walk_up(uint64_t hook_from, uint64_t hook_to)
{
    struct oracle_walk *w = &oracle_walk;
    unsigned skip = 0;
    w->depth = 0;
    if (!oracle_backtrace)
        return 0;
    oracle_backtrace(oracle_note, NULL);
    while (skip < w->depth && w->ip[skip] >= hook_from && w->ip[skip] < hook_to)
        skip++;
    return skip;
}

/* `ip` is root first. A walk that ends early is compared, too, but for one that was not begun: libgcc ends where there
 * is no frame information, and ours there or later, by frame pointers. */
static void __attribute__((unused))
oracle_compare(const uint64_t *ip, unsigned depth, uint64_t hook_from, uint64_t hook_to, unsigned long *walks)
{
    struct oracle_walk *w = &oracle_walk;
    if (!oracle_backtrace || depth == 0)
        return;
    const unsigned skip = oracle_walk_up(hook_from, hook_to);
    unsigned n = w->depth - skip, same = n <= depth;
    for (unsigned i = 0; same && i < n; i++)
        same = w->ip[skip + i] == ip[depth - 1 - i];
    __atomic_add_fetch(walks, 1, __ATOMIC_RELAXED);
    if (same && n < depth)
        __atomic_add_fetch(&oracle_further, 1, __ATOMIC_RELAXED);
    if (same || __atomic_add_fetch(&oracle_differences, 1, __ATOMIC_RELAXED) > ORACLE_TELL)
        return;
    dprintf(2, "oracle: ours %u, libgcc's %u:", depth, n);
    for (unsigned i = 0; i < n || i < depth; i++) {
        uint64_t ours = i < depth ? ip[depth - 1 - i] : 0, theirs = i < n ? w->ip[skip + i] : 0;
        dprintf(2, ours == theirs ? " %lx" : " %lx/%lx", ours, theirs);
    }
    dprintf(2, "\n");
}

#define AR_WALKED(ip, depth, hook) oracle_compare(ip, depth, (hook).from, (hook).to, &oracle_walks)
#define AR_LOST(ip, depth, hook) oracle_compare(ip, depth, (hook).from, (hook).to, &oracle_early)
#endif
