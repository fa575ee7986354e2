/* The recording of one process image. */
#include "process.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "source.h"

union ar_recording_page ar_recording_page __attribute__((aligned(4096)));

/* Not wiped by fork: what a child needs of its parent. */
static atomic_bool disabled; /* not asked to record, or may not */
static struct ar_process
    *latest_header; /* of the recording that this image's process, or its parent, made; stays mapped */

void ar_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&ar_recording.lock, memory_order_acquire))
        ar_sys(SYS_sched_yield);
}

void ar_unlock(void)
{
    atomic_flag_clear_explicit(&ar_recording.lock, memory_order_release);
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
    ar_say(text[what], error, ar_directory());
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
    bool paused = latest_header ? latest_header->control == 0 : ar_session_is_stopped(ar_options.session);
    ar_files_close(); /* inherited: a child must neither use nor keep its parent's */
    int error = ar_directory_make(ar_options.session);
    if (error < 0) {
        ar_fail(AR_FAILURE_CREATE, -error);
        return false;
    }
    /* The header first, as its descriptor is not kept: two are enough for all. Its magic is stored last. */
    struct ar_process *header = ar_header_map(&error);
    error = header ? ar_files_create() : -error;
    if (error < 0) {
        ar_fail(AR_FAILURE_CREATE, -error);
        if (header) {
            /* The one thing that is left of this image says why. */
            header->failure_op = AR_FAILURE_CREATE;
            header->failure_errno = -error;
            ar_fill_header(header, latest_header);
            header->state = AR_STATE_FAILED;
        } else {
            ar_directory_remove();
        }
        return false;
    }
    if (!ar_options.redact)
        ar_copy_proc("/proc/self/cmdline", "cmdline");
    ar_copy_proc("/proc/self/maps", "maps");
    ar_fill_header(header, latest_header);
    set_options(header);
    if (!paused) {
        /* The first interval. Later ones are begun by a controlling process. */
        ar_mark_start(header);
        header->interval = header->control = 1;
    }
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
    struct ar_process *header = ar_recording.header;
    if (!header || ar_has_failed(header))
        return;
    ar_read_clocks(&header->end_ticks, &header->end_mono_ns);
    /* Other threads may still run, and fail meanwhile: that stays. */
    uint32_t expected = AR_STATE_RECORDING;
    __atomic_compare_exchange_n(&header->state, &expected, AR_STATE_EXITED, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
