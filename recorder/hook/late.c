/* How the functions of a running program are exchanged for ours, and put back.
 *
 * First what will be bound: the symbols, so that objects which are opened later and calls which are bound at their
 * first use find ours. Then what is bound: the slots. Threads go on meanwhile; each call of theirs finds the one or the
 * other, and both do, as ours passes all on to the one behind it. So there is no moment from which on all is recorded,
 * and the recording says that blocks may be older than it.
 *
 * A slot that another thread is binding just now, by the symbol as it was, is missed; and so are addresses of functions
 * that the program has copied to memory of its own. */
#include "late.h"

#include <stddef.h>

#include "linked.h"
#include "real.h"
#include "record.h"

#define SETTINGS_MAX 8192

/* NAME=VALUE, each ended by NUL, then an empty one: in place of the environment. In the file, so that a copy of the
 * library has them when it is loaded. */
AR_OUTSIDE char allocreplay_settings[SETTINGS_MAX] __attribute__((section(".data"), aligned(4096))) = "";

enum { NOT_LATE, ATTACHED, DETACHED };
AR_OUTSIDE uint32_t allocreplay_late;

AR_OUTSIDE void allocreplay_attach(void);
AR_OUTSIDE void allocreplay_detach(void);

static void *definition_behind_us(const char *name)
{
    return ar_definition_of(name, (void *)ar_prepare_late);
}

bool ar_prepare_late(void)
{
    if (!allocreplay_settings[0])
        return false;
    allocreplay_settings[SETTINGS_MAX - 1] = allocreplay_settings[SETTINGS_MAX - 2] = 0;
    ar_settings = allocreplay_settings;
    ar_look_up = definition_behind_us;
    allocreplay_late = DETACHED; /* also where nothing comes of it: then it can be attached again */
    return true;
}

bool ar_attach_late(void)
{
    struct ar_rebinding list[AR_REBINDINGS_MAX];
    if (allocreplay_late == ATTACHED)
        return true; /* a forked child */
    static bool is_looked_for;
    if (ar_options.linked && !is_looked_for) {
        ar_linked_find(true); /* first: it changes what is behind ours */
        is_looked_for = true;
    }
    size_t count = ar_rebindings(list, true);
    if (ar_options.linked)
        count = ar_linked_rebindings(list, count);
    for (size_t i = 0; i < count; i++)
        ar_rebind(&list[i], list[i].function);
    ar_rebind_imports(list, count, (void *)ar_attach_late);
    allocreplay_late = ATTACHED;
    return true;
}

/* Again, with other settings: a thread that was at rest calls it. */
void allocreplay_attach(void)
{
    const uint8_t busy = ar_self.busy;
    ar_self.busy |= AR_BUSY;
    if (allocreplay_late == DETACHED && ar_prepare_late())
        ar_begin_again();
    ar_self.busy = busy;
}

/* While recording is stopped, and so no thread writes. What was opened since was bound to ours as well. The library
 * stays, as threads may be on their way through it, and the program may have kept an address. */
void allocreplay_detach(void)
{
    const uint8_t busy = ar_self.busy;
    struct ar_rebinding list[AR_REBINDINGS_MAX];
    ar_self.busy |= AR_BUSY;
    if (allocreplay_late == ATTACHED && ar_leave()) {
        const size_t count = ar_linked_rebindings(list, ar_rebindings(list, true));
        for (size_t i = 0; i < count; i++) {
            const void *real = list[i].function;
            list[i] = (struct ar_rebinding){list[i].name, list[i].instead, real};
            ar_rebind(&list[i], real);
        }
        ar_rebind_imports(list, count, (void *)ar_attach_late);
        __atomic_store_n(&allocreplay_late, DETACHED, __ATOMIC_RELEASE);
    }
    ar_self.busy = busy;
}
