#include "real_thread.h"

#include <dlfcn.h>
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

#define FIRST_JOIN(name, params, args)                                                                                 \
    static int first_##name params                                                                                     \
    {                                                                                                                  \
        ar_real_thread_resolve();                                                                                      \
        return ar_real_thread.name == first_##name ? EINVAL : ar_real_thread.name args;                                \
    }
AR_JOIN_FUNCTIONS(FIRST_JOIN)

struct ar_real_thread_functions ar_real_thread = {.pthread_create = first_pthread_create,
#define FIRST(name, params, args) .name = first_##name,
                                                  AR_JOIN_FUNCTIONS(FIRST)
#undef FIRST
};

/* What is not found keeps its stub. What dlsym asks of the heap is not the program's. */
void ar_real_thread_resolve(void)
{
    uint8_t was_busy = ar_self.busy;
    ar_self.busy = 1;
    void *create = dlsym(RTLD_NEXT, "pthread_create");
    if (create)
        ar_real_thread.pthread_create = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))create;
#define LOOK_UP_JOIN(name, params, args)                                                                               \
    {                                                                                                                  \
        void *join = dlsym(RTLD_NEXT, #name);                                                                          \
        if (join)                                                                                                      \
            ar_real_thread.name = (int(*) params)join;                                                                 \
    }
    AR_JOIN_FUNCTIONS(LOOK_UP_JOIN)
    ar_self.busy = was_busy;
}
