#include "inside.h"

#include "linked.h"
#include "real.h"

/* Inside of the allocator, or of ourselves, there is no code of the program, and what is asked for there is not its
 * own.
 *
 * Inside of pthread_create all calls count but one, which is served from our own memory: see calloc. What the C library
 * frees there (thread-local storage of a library, left by a thread whose stack is used again) was recorded as a call of
 * that thread, and so is its end.
 *
 * Inside of an allocator's operator new there may be a new-handler. It can do what it likes, while the allocator may
 * call its own malloc by name, for the very block that the operator returns: so it is asked where an acquisition comes
 * from. It frees nothing by name. (There the question would not do: what frees an exception is jumped to, and seems to
 * come from the allocator that caught it.)
 *
 * An exception leaves the operator without a word to us, as it does not stop in C. Then the flag stays, and is taken
 * down here at a call from as far up the stack as the operator was, or further: what the operator calls lies below it.
 * Until then calls from the objects of allocators are taken for the operator's own; of an allocator that is linked into
 * the executable, that is all the executable's. */
bool ar_is_programs(struct ar_thread *t, const void *caller, const void *frame)
{
    if (t->busy & AR_BUSY)
        return false;
    if (t->busy & AR_BUSY_NEW) {
        if ((uintptr_t)frame >= t->operator_frame)
            t->busy &= (uint8_t)~AR_BUSY_NEW;
        else if (ar_is_in(&ar_allocator, caller) || ar_is_in(&ar_hook, caller) || ar_is_in(&ar_linked_program, caller))
            return false;
    }
    return true;
}
