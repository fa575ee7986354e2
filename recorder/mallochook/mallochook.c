/* The MallocHook source: a second preload library, for programs whose gperftools tcmalloc cannot be interposed or need
 * not be.
 *
 * It is built from the core without the interposed allocation functions. Events come from tcmalloc
 * itself, which calls every hook that was added by MallocHook_AddNewHook after it allocated, and by
 * MallocHook_AddDeleteHook before it frees: the ownership order that the recording wants. An in-place realloc is told
 * as a delete and a new of one address, both while the thread owns it; one that moves as the new of the new block, then
 * the delete of the old.
 *
 * Removing a hook promises nothing: tcmalloc copies the list of hooks and then calls what it copied, so another thread
 * may call a hook long after it was removed. So ours are added once and stay. What starts and stops is the control
 * plane's state, which ar_begin reads at every call, under the same protocol as in the other library.
 */
#include "real_thread.h"
#include "record.h"
#include "source.h"
#include "thread_blocks.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* As <gperftools/malloc_hook_c.h> declares them; the adders return 1 on success. */
typedef void (*new_hook)(const void *block, size_t size);
typedef void (*delete_hook)(const void *block);
typedef int (*add_new_hook)(new_hook hook);
typedef int (*add_delete_hook)(delete_hook hook);

static const void *program_malloc;

void ar_resolve(void)
{
    uint8_t was_busy = ar_self.busy;
    ar_real_thread_resolve();
    ar_thread_ends_resolve();
    ar_self.busy = 1;
    program_malloc = dlsym(RTLD_DEFAULT, "malloc"); /* the C library has one at least: no error is left behind */
    ar_self.busy = was_busy;
}

uint64_t ar_source_flags(void)
{
    return AR_PROCESS_MALLOCHOOK;
}

const void *ar_source_malloc(void)
{
    return program_malloc;
}

static inline __attribute__((always_inline)) void tell(enum ar_op op, const void *block, size_t size)
{
    struct ar_thread *t = &ar_self;
    const uint8_t busy = t->busy;
    t->busy = AR_BUSY;
    if (AR_LIKELY(!ar_recording.special))
        ar_record(t, op, block, size);
    else if (!ar_is_sampling() || (op == AR_FREE ? ar_sampled_maybe(block) : ar_sample_falls(t, block, size)))
        ar_record_now(t, op, block, size);
    t->busy = busy;
}

/* The guard keeps out what we ask of the heap ourselves, and the C library's blocks for a thread. */
static AR_NOINLINE bool is_new_told(const struct ar_thread *t, const void *block)
{
    return !(t->busy & AR_BUSY) && !(t->busy & AR_BUSY_THREAD && ar_remember(block));
}

static AR_NOINLINE bool is_delete_told(const struct ar_thread *t, const void *block)
{
    return !(t->busy & AR_BUSY) && !ar_forget(block);
}

static void on_new(const void *block, size_t size)
{
    if (AR_LIKELY(!ar_self.busy) || is_new_told(&ar_self, block))
        tell(AR_MALLOC, block, size);
}

static void on_delete(const void *block)
{
    if (AR_LIKELY(!ar_self.busy) || is_delete_told(&ar_self, block))
        tell(AR_FREE, block, 0);
}

/* One line, in one write. */
static bool refuse(const char *why)
{
    struct iovec line[] = {
        {"allocreplay: ", 13},
        {program_invocation_short_name, strlen(program_invocation_short_name)},
        {(char *)why, strlen(why)},
    };
    ar_sys(SYS_writev, 2, line, sizeof line / sizeof *line);
    return false;
}

bool ar_source_attach(void)
{
    static bool attached; /* inherited by children, as the hooks are */
    if (attached)
        return true;
    /* Anywhere in the global scope: libtcmalloc, or an executable that has it linked in and exports it (-rdynamic). */
    add_new_hook add_new = (add_new_hook)dlsym(RTLD_DEFAULT, "MallocHook_AddNewHook");
    add_delete_hook add_delete = (add_delete_hook)dlsym(RTLD_DEFAULT, "MallocHook_AddDeleteHook");
    if (!add_new || !add_delete) {
        (void)dlerror();
        return refuse(
            " is not recorded: it carries no MallocHook (gperftools' tcmalloc, linked dynamically or exported)\n");
    }
    /* The delete hook first: a block that is told is then told to the end. */
    if (!add_delete(on_delete) || !add_new(on_new))
        return refuse(" is not recorded: MallocHook takes no more hooks\n");
    ar_stacks_leave_out((const void *)add_new);
    attached = true;
    return true;
}
