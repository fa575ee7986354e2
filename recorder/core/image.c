/* The recording of one process image. */
#include "image.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"
#include "frames.h"
#include "identity.h"
#include "sample.h"
#include "source.h"
#include "stack.h"

/* Rounds of thread-specific-data destructors that a thread has. Fewer in a build of the tests only, where the last is
 * another's. */
#ifndef AR_EXIT_ROUNDS
#define AR_EXIT_ROUNDS 4 /* PTHREAD_DESTRUCTOR_ITERATIONS of glibc */
#endif

union ar_recording_page ar_recording_page __attribute__((aligned(4096)));

/* Not wiped by fork: what a child needs of its parent. */
static atomic_bool disabled;             /* not asked to record, or may not */
static struct ar_process *latest_header; /* that this image's process, or its parent, made; stays mapped */
static struct ar_process identity;       /* what `latest_header` said at its start, from memory that is ours alone */
static uint32_t latest_number;           /* of its image in the arena */
static bool filtered;                    /* calls that the loader does not make may end the process */
static pthread_key_t exit_key;
static bool have_exit_key;

void ar_fail(struct ar_why why)
{
    static const char *const text[] = {"",
                                       "cannot create the recording",
                                       "cannot grow the tails",
                                       "cannot write events",
                                       "its files were closed and cannot be opened again",
                                       "the size limit is reached",
                                       "the program forbids the counter that events are stamped by"};
    struct ar_process *header = ar_recording.header;
    disabled = true; /* for children */
    if (header) {
        /* The thread that takes the state down reports. Tails stay mapped: a thread in mid-event is safe. */
        if (__atomic_exchange_n(&header->state, AR_STATE_FAILED, __ATOMIC_ACQ_REL) == AR_STATE_FAILED)
            return;
        header->failure_op = why.what;
        header->failure_errno = why.error;
        __atomic_store_n(&header->control, 0, __ATOMIC_RELEASE);
    }
    /* In the arena, the drain says it. */
    if (ar_store != &ar_arena_store)
        ar_say(text[why.what], why.error, ar_directory());
}

void ar_without_counter(void)
{
    if (ar_recording.header) {
        ar_recording.latency = false;
        ar_fail((struct ar_why){AR_FAILURE_COUNTER, 0});
    }
}

void ar_filtered(void)
{
    struct ar_process *header = ar_recording.header;
    filtered = true;
    ar_stacks_filtered();
    if (header && ar_store == &ar_arena_store)
        __atomic_store_n(&((struct ar_image *)header)->filtered, 1, __ATOMIC_RELAXED);
}

static bool begin_stacks(void)
{
    static bool begun;
    if (begun) {
        ar_stacks_again();
        return true;
    }
    void **end = ar_next("__libc_stack_end");
    if (end)
        ar_first_stack_top = (uintptr_t)*end + AR_ABOVE_FIRST;
    return begun = ar_stacks_begin((uint32_t)ar_options.stack_depth, ar_options.stacks == AR_STACKS_FP, filtered);
}

/* False: there is no memory for what was asked for. */
static bool set_options(struct ar_process *header)
{
    const uint64_t sample = ar_options.sample;
    if (sample > 1 && sample <= UINT32_MAX) {
        /* A fork must not choose as its parent or its siblings do. */
        uint64_t seed = ar_options.sample_seed;
        if (!seed || header->flags & AR_PROCESS_FORKED)
            seed += ar_ticks() ^ (uint64_t)header->pid << 32;
        if (!ar_sample_begin(ar_options.sample_scheme, sample, seed))
            return false;
        header->sample = (uint32_t)sample;
        header->sample_scheme = ar_options.sample_scheme;
    }
    if (ar_options.latency) {
        header->flags |= AR_PROCESS_LATENCY;
        ar_recording.latency = true;
        ar_recording.optional_fields |= AR_FIELD_DURATION;
    }
    if (ar_options.regions)
        header->flags |= AR_PROCESS_REGIONS;
    if (ar_options.stacks && ar_store == &ar_arena_store && begin_stacks()) {
        header->flags |= AR_PROCESS_STACKS | (ar_options.free_stacks ? AR_PROCESS_FREE_STACKS : 0);
        ar_recording.optional_fields |= AR_FIELD_STACK | (ar_options.free_stacks ? AR_FIELD_FREE_STACK : 0);
    }
    if (ar_recording.latency || ar_is_sampling())
        ar_recording.special = AR_SPECIAL_TAKES | AR_SPECIAL_GIVES | (ar_recording.latency ? 0 : AR_SPECIAL_SAMPLE);
    else
        ar_recording.special = (ar_recording.optional_fields & AR_FIELD_STACK ? AR_SPECIAL_TAKES : 0) |
                               (ar_recording.optional_fields & AR_FIELD_FREE_STACK ? AR_SPECIAL_GIVES : 0);
    return true;
}

/* Into the arena: a forked child needs nothing but the memory that it inherited. */
static bool start_in_arena(void)
{
    const bool forked = latest_header != NULL;
    if (forked && !(latest_header = ar_arena_again(latest_header)))
        return false;
    struct ar_image *image = ar_arena_image();
    if (!image)
        return false;
    struct ar_process *header = &image->process;
    if (!forked)
        ar_identify(&identity, filtered);
    else
        ar_identify_child(&identity);
    *header = identity;
    image->filtered = filtered;
    image->parent = forked ? latest_number : 0;
    header->flags |= AR_PROCESS_DRAINED;
    header->tick_shift = ar_arena_tick_shift();
    header->start_ticks = ar_ticks();
    ar_arena_time(header->start_ticks, &header->start_mono_ns, &header->realtime_ns);
    const bool whole = set_options(header);
    if (!forked) {
        if (!ar_options.redact)
            ar_arena_carry(image, AR_DOCUMENT_COMMAND_LINE, "/proc/self/cmdline");
        ar_arena_carry(image, AR_DOCUMENT_MAPS, "/proc/self/maps");
    }
    header->magic = AR_PROCESS_MAGIC;
    ar_arena_publish(image, forked && __atomic_load_n(&latest_header->control, __ATOMIC_RELAXED) == 0);
    if (header->flags & AR_PROCESS_STACKS)
        ar_frames_open(header);
    latest_number = image->number;
    latest_header = header;
    ar_recording.tick_shift = header->tick_shift;
    __atomic_store_n(&ar_recording.header, header, __ATOMIC_RELEASE);
    if (!whole)
        ar_fail((struct ar_why){AR_FAILURE_CREATE, ENOMEM});
    return true;
}

/* Into files of its own. */
static bool start_in_files(void)
{
    /* A fork goes on as its parent was; a new image as the session is. */
    bool paused = latest_header ? latest_header->control == 0 : ar_session_is_stopped(ar_options.session);
    ar_files_close(); /* inherited: a child must neither use nor keep its parent's */
    int error = ar_directory_make(ar_options.session);
    if (error < 0) {
        ar_fail((struct ar_why){AR_FAILURE_CREATE, -error});
        return false;
    }
    if (!latest_header)
        ar_identify(&identity, filtered);
    else
        ar_identify_child(&identity);
    /* The header first, as its descriptor is not kept: two are enough for all. Its magic is stored last. */
    struct ar_process *header = ar_header_map(&error);
    error = header ? ar_files_create() : -error;
    if (header)
        *header = identity;
    if (error < 0) {
        ar_fail((struct ar_why){AR_FAILURE_CREATE, -error});
        if (header) {
            /* The one thing that is left of this image says why. */
            header->failure_op = AR_FAILURE_CREATE;
            header->failure_errno = -error;
            ar_identify_clocks(header);
            header->state = AR_STATE_FAILED;
        } else {
            ar_directory_remove();
        }
        return false;
    }
    if (!ar_options.redact)
        ar_copy_proc("/proc/self/cmdline", "cmdline");
    ar_copy_proc("/proc/self/maps", "maps");
    const bool whole = set_options(header);
    ar_identify_clocks(header);
    if (!paused) {
        /* The first interval. Later ones are begun by a controlling process. */
        ar_mark_start(header);
        header->interval = header->control = 1;
    }
    latest_header = header;
    ar_recording.tick_shift = header->tick_shift;
    __atomic_store_n(&ar_recording.header, header, __ATOMIC_RELEASE);
    if (!whole)
        ar_fail((struct ar_why){AR_FAILURE_CREATE, ENOMEM});
    return true;
}

static void on_thread_exit(void *value);

static bool begin_recording(void)
{
    /* A program that runs with more rights than its caller is none of the caller's to record. */
    if (!ar_options_read() || getauxval(AT_SECURE))
        return false;
    if (!latest_header) {
        filtered = ar_look_at_self(&identity, ar_first_name);
        /* --follow-children no, and this is not the command itself */
        if (ar_options.only_child_of && ar_options.only_child_of != identity.ppid)
            return false;
        ar_store =
            ar_options.arena[0] && ar_arena_map(ar_options.arena, ar_options.late) ? &ar_arena_store : &ar_tails_store;
        if (ar_options.late && ar_store != &ar_arena_store)
            return false; /* files of its own would be those of the program's user and namespace */
    } else if (ar_options.only_child_of) {
        return false;
    }
    /* The page is private and anonymous, so the kernel can wipe it in children, those of a raw clone included. Once is
     * enough: the advice is inherited. */
    if (!latest_header && !filtered) {
        int saved = errno;
        if (madvise(&ar_recording_page, sizeof ar_recording_page, MADV_WIPEONFORK) != 0) {
            ar_fail((struct ar_why){AR_FAILURE_CREATE, errno});
            errno = saved;
            return false;
        }
    }
    if (!ar_source_attach())
        return false;
    /* The key outlives a fork. */
    if (!have_exit_key)
        have_exit_key = pthread_key_create(&exit_key, on_thread_exit) == 0;
    return ar_store == &ar_arena_store ? start_in_arena() : start_in_files();
}

bool ar_leave(void)
{
    struct ar_process *header = ar_recording.header;
    if (!header || __atomic_load_n(&header->control, __ATOMIC_SEQ_CST) != 0)
        return false;
    uint64_t realtime_ns;
    disabled = true; /* before the rest: nobody begins another */
    __atomic_store_n(&ar_recording.header, NULL, __ATOMIC_SEQ_CST);
    __atomic_store_n(&ar_recording.sample_seed, 0, __ATOMIC_RELEASE);
    ar_recording.special = ar_recording.sample_scheme = ar_recording.optional_fields = 0;
    ar_recording.latency = false;
    ar_sampled_forget();
    header->end_ticks = ar_ticks();
    ar_arena_time(header->end_ticks, &header->end_mono_ns, &realtime_ns);
    uint32_t expected = AR_STATE_RECORDING;
    __atomic_compare_exchange_n(&header->state, &expected, AR_STATE_EXITED, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    ar_arena_leave(header);
    latest_header = NULL;
    return true;
}

/* Other threads pass through until there is a header: `disabled` and `starting` stay as they are. */
void ar_begin_again(void)
{
    ar_options = (struct ar_options){0};
    identity = (struct ar_process){0};
    latest_number = 0;
    if (begin_recording())
        disabled = false;
}

/* Begins this image's recording; idempotent, thread-safe. NULL: there is none. */
static struct ar_process *start(void)
{
    if (disabled || (!environ && !latest_header))
        return NULL;
    if (atomic_exchange(&ar_recording.starting, 1) == 0) {
        if (begin_recording())
            ar_self.header = NULL; /* in a forked child: that of the parent, which may be anybody's by now */
        else
            disabled = true;
    }
    /* Another thread is starting it: until it has, this thread's calls pass through. */
    return ar_recording.header;
}

/* Calls that are lost are many, and the count is shared: it is brought up to date now and then. */
static void count_lost(struct ar_thread *t, struct ar_process *header)
{
    const uint64_t batch = 1024;
    if (t->lost++ % batch == 0)
        __atomic_fetch_add(&header->lost_events, t->lost == 1 ? 1 : batch, __ATOMIC_RELAXED);
}

/* Stopped, or failed: nothing is written. */
static bool pass_through(struct ar_thread *t, struct ar_process *header)
{
    if (t->header == header)
        ar_end(t);
    if (ar_has_failed(header))
        count_lost(t, header);
    return false;
}

/* Attach, enter the interval that is being recorded, or begin the next chunk. Between slow_begun and slow_done: a
 * controller that stops the recording waits until the two are equal before it trusts the flags of the chunks. */
static bool make_ready(struct ar_thread *t, struct ar_process *header)
{
    uint32_t interval = __atomic_load_n(&header->control, __ATOMIC_SEQ_CST);
    bool attached = t->header == header, ready;
    struct ar_why why = {AR_FAILURE_NONE, 0};
    if (interval == 0)
        return pass_through(t, header);
    bool changed = t->interval != interval;
    t->interval = interval;
    if (!attached) {
        /* Where threads have to ask, one that has not leaves no trace, unless its creation is recorded already. */
        if (ar_options.opt_in && !t->asked && !t->announced)
            return false;
        ready = ar_thread_attach(t, header, &why);
        if (have_exit_key)
            pthread_setspecific(exit_key, t);
    } else {
        ready = (!changed && t->cursor <= t->limit) || ar_thread_next(t, &why);
    }
    if (why.what)
        ar_fail(why);
    if (ready && !ar_has_failed(header))
        return true;
    if (t->header == header)
        ar_end(t);
    if (!why.what && !ready) {
        t->gap++;
        __atomic_fetch_add(&header->lost_events, 1, __ATOMIC_RELAXED);
    } else {
        count_lost(t, header);
    }
    return false;
}

AR_NOINLINE bool ar_ready(struct ar_thread *t)
{
    struct ar_process *header = ar_recording.header;
    if (header && __atomic_load_n(&header->control, __ATOMIC_RELAXED) == 0)
        return pass_through(t, header);
    int saved = errno;
    bool ready = false;
    if (!header)
        header = start();
    if (header) { /* not asked for again: the page may be wiped meanwhile */
        __atomic_fetch_add(&header->slow_begun, 1, __ATOMIC_SEQ_CST);
        AR_LITMUS_FORK(0);
        ready = make_ready(t, header);
        __atomic_fetch_add(&header->slow_done, 1, __ATOMIC_SEQ_CST);
    }
    errno = saved;
    return ready;
}

/* Called by a program that knows it is recorded: its calls of this thread are recorded from `on` 1 to `on` 0. A thread
 * begins with 1; with ALLOCREPLAY_OPT_IN, with 0. It takes its index here, so a program decides in what order. The
 * re-entry guard, kept up, is what mutes a thread: the fast path does not know of it. */
AR_EXPORT void allocreplay_record_thread(int on)
{
    struct ar_thread *t = &ar_self;
    t->busy = 1;
    if (!on)
        return;
    t->asked = 1;
    if (ar_begin(t)) /* attaches */
        ar_end(t);
    t->busy = 0;
}

/* Runs in every round of thread-specific-data destructors, and asks for another until the last: destructors of the
 * program that run after the first round still allocate. What comes later still (the C library frees its own blocks)
 * goes into the last chunk, which is collected only when the kernel has no such thread any more. */
static void on_thread_exit(void *value)
{
    struct ar_thread *t = value;
    if (t->header == NULL || t->header != ar_recording.header || t->exited)
        return;
    uint8_t was_busy = t->busy;
    t->busy = 1;
    if (++t->exit_rounds < AR_EXIT_ROUNDS) {
        pthread_setspecific(exit_key, t);
    } else {
        if (ar_begin(t)) {
            ar_event(t, AR_THREAD_EXIT, (struct ar_details){.now = ar_now()});
            ar_end(t);
        }
        ar_thread_leave(t);
        was_busy |= AR_BUSY_JOIN; /* what the C library frees after this may be other threads' blocks */
    }
    t->busy = was_busy;
}

__attribute__((constructor)) static void on_load(void)
{
    ar_self.busy = 1;
    ar_loaded();
    ar_self.busy = 0;
    ar_resolve();
    ar_self.busy = 1;
    ar_fork_resolve();
    ar_prctl_resolve();
    ar_dlclose_resolve();
    start();
    ar_self.busy = 0;
}

__attribute__((destructor)) static void on_exit_of_process(void)
{
    struct ar_process *header = ar_recording.header;
    if (!header || ar_has_failed(header))
        return;
    uint64_t realtime_ns;
    if (ar_store == &ar_arena_store) {
        header->end_ticks = ar_ticks();
        ar_arena_time(header->end_ticks, &header->end_mono_ns, &realtime_ns);
    } else {
        ar_read_clocks(&header->end_ticks, &header->end_mono_ns);
    }
    /* Other threads may still run, and fail meanwhile: that stays. */
    uint32_t expected = AR_STATE_RECORDING;
    __atomic_compare_exchange_n(&header->state, &expected, AR_STATE_EXITED, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
