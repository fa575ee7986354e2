/* Preloaded before a hook that is built with -fsanitize=address or thread, and before the sanitizer's runtime:
 *
 *   LD_PRELOAD=gate:hook:runtime
 *
 * The order makes the runtime's functions the real ones behind the hook. But the runtime itself calls malloc before it
 * can run instrumented code: in its own start, in the start of a thread, and in the end of one. The gate is not
 * instrumented, and lets such calls past the hook: a thread's calls go to the hook from the first instruction of its
 * function to the end of round AR_EXIT_ROUNDS of its destructors. (ThreadSanitizer ends its part of the thread in the
 * last round, the fourth.)
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#include "interposed.h"

/* The runtime's own entries, by names that nobody interposes. Weak: it lacks those that the C library lacks. */
#define DECLARE(ret, name, params, args)                                                                               \
    extern ret __interceptor_##name params __attribute__((weak));                                                      \
    static ret(*hook_##name) params;
AR_C_FUNCTIONS(DECLARE)
extern int __interceptor_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
static int (*hook_pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* Initial-exec: the runtimes interpose __tls_get_addr. */
static __thread int is_open __attribute__((tls_model("initial-exec")));
static pthread_key_t closing;

#define DEFINE(ret, name, params, args)                                                                                \
    ret name params                                                                                                    \
    {                                                                                                                  \
        return is_open ? hook_##name args : __interceptor_##name args;                                                 \
    }
AR_C_FUNCTIONS(DEFINE)

struct thread {
    void *(*run)(void *);
    void *argument;
};

static void on_round(void *value)
{
    size_t round = (size_t)value; /* 0: the thread's function begins */
    is_open = round <= AR_EXIT_ROUNDS;
    pthread_setspecific(closing, is_open ? (void *)(round + 1) : NULL);
}

static void *begin(void *value)
{
    struct thread t = *(struct thread *)value;
    __interceptor_free(value);
    on_round(NULL);
    return t.run(t.argument);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    if (!is_open) /* a thread of the runtime */
        return __interceptor_pthread_create(thread, attributes, run, argument);
    struct thread *t = __interceptor_malloc(sizeof *t);
    *t = (struct thread){run, argument};
    int error = hook_pthread_create(thread, attributes, begin, t);
    if (error)
        __interceptor_free(t);
    return error;
}

/* After the constructors of the hook and of the runtime, as the gate is linked with both. */
__attribute__((constructor)) static void on_load(void)
{
#define LOOK_UP(ret, name, params, args) hook_##name = (ret(*) params)dlsym(RTLD_NEXT, #name);
    AR_C_FUNCTIONS(LOOK_UP)
    hook_pthread_create =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(RTLD_NEXT, "pthread_create");
    pthread_key_create(&closing, on_round);
    is_open = 1;
}

/* What the runtimes ask for their options: here rather than in the environment, so that whoever sets LD_PRELOAD has set
 * all. The order of libraries is on purpose; known_calls wants NULL for what is too large; whether the program leaks is
 * its own affair; a race is found only while the thread's history still reaches back to the first access. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "verify_asan_link_order=0:allocator_may_return_null=1:detect_leaks=0";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1:report_thread_leaks=0:history_size=7";
}
