#include "real_thread.h"

#include <errno.h>

#include "recording.h"

static int first_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                                void *argument)
{
    ar_real_thread_resolve();
    return ar_real_thread.pthread_create == first_pthread_create
               ? EAGAIN
               : ar_real_thread.pthread_create(thread, attributes, run, argument);
}

struct ar_real_thread_functions ar_real_thread = {.pthread_create = first_pthread_create};

/* Once only: the hook may make the next pthread_create lead to ours later, see ../hook/real.c. Not found, it keeps its
 * stub. What dlsym asks of the heap is not the program's. */
void ar_real_thread_resolve(void)
{
    uint8_t busy = ar_self.busy;
    if (ar_real_thread.pthread_create != first_pthread_create)
        return;
    ar_self.busy = AR_BUSY;
    void *create = ar_next("pthread_create");
    if (create)
        ar_real_thread.pthread_create = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))create;
    ar_self.busy = busy;
}
