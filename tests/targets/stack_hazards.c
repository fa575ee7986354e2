/* What is hard on whoever walks stacks while they change. Blocks of 5000 bytes and more tell how far it came.
 *
 *   stack_hazards calls N         nothing is hard
 *   stack_hazards threads N       one after another
 *   stack_hazards crowd N         at once; each acquires a block of 5000 bytes
 *   stack_hazards coroutine       a stack is unmapped, a smaller one mapped in its place
 *   stack_hazards handler         an alternate stack on the heap is released and used again
 *   stack_hazards overflow        the guard page is hit, on the first thread's stack and on another's
 *   stack_hazards deep            the first thread's stack grows to 24 MiB
 *   stack_hazards interrupted     handlers acquire while walks are made
 *   stack_hazards unload PLUGIN   a library comes and goes while others acquire; made of call_paths_plugin.c
 *   stack_hazards alone PLUGIN    a library comes and goes
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define KEPT __attribute__((noinline, noclone))

KEPT void take(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

static void *take_on_thread(void *size)
{
    take((size_t)size);
    return NULL;
}

static int threads(int count)
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, take_on_thread, (void *)5000) || pthread_join(thread, NULL))
            return 1;
    }
    return 0;
}

static pthread_barrier_t all_here;
static void *take_in_crowd(void *size)
{
    pthread_barrier_wait(&all_here);
    take((size_t)size);
    pthread_barrier_wait(&all_here);
    return NULL;
}

static int crowd(int count)
{
    pthread_t *made = calloc((size_t)count, sizeof *made);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    pthread_barrier_init(&all_here, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        if (pthread_create(&made[i], &small, take_in_crowd, (void *)5000))
            _exit(77);
    for (int i = 0; i < count; i++)
        pthread_join(made[i], NULL);
    free(made);
    return 0;
}

/* Calls with a frame pointer that is a number of our choice, and without frame information. */
#if defined(__x86_64__)
__asm__(".text\n.globl call_with_pointer\n.type call_with_pointer, @function\ncall_with_pointer:\n"
        "push %rbp\npush %rbx\nsub $8, %rsp\nmov %rsi, %rbp\ncall take\nadd $8, %rsp\npop %rbx\npop %rbp\nret\n"
        ".size call_with_pointer, . - call_with_pointer\n");
void call_with_pointer(size_t size, uintptr_t pointer);

/* The same with frame information, which is silent of the frame pointer: as if it were kept. */
__asm__(".text\n.globl call_silently\n.type call_silently, @function\ncall_silently:\n.cfi_startproc\n"
        "push %rbp\n.cfi_adjust_cfa_offset 8\npush %rbx\n.cfi_adjust_cfa_offset 8\nsub $8, %rsp\n"
        ".cfi_adjust_cfa_offset 8\nmov %rsi, %rbp\ncall take\nadd $8, %rsp\n.cfi_adjust_cfa_offset -8\n"
        "pop %rbx\n.cfi_adjust_cfa_offset -8\npop %rbp\n.cfi_adjust_cfa_offset -8\nret\n.cfi_endproc\n"
        ".size call_silently, . - call_silently\n");
void call_silently(size_t size, uintptr_t pointer);
#else
static void call_silently(size_t size, uintptr_t pointer)
{
    (void)pointer;
    take(size);
}

static void call_with_pointer(size_t size, uintptr_t pointer)
{
    (void)pointer;
    take(size);
}
#endif

static ucontext_t here, there;
static uintptr_t pointer_to_use;
static size_t size_to_take;
static bool is_silent;

/* What is on the stack in a number that only it knows is found by its frame pointer. */
KEPT void in_frame(size_t size)
{
    volatile char *some = __builtin_alloca(size % 64 + 1);
    some[0] = 1;
    call_silently(size_to_take, pointer_to_use);
    some[0] = 2;
}

static void in_coroutine(void)
{
    if (is_silent)
        in_frame(size_to_take);
    else if (pointer_to_use)
        call_with_pointer(size_to_take, pointer_to_use);
    else
        take(size_to_take);
}

static void run_on(char *stack, size_t size)
{
    getcontext(&there);
    there.uc_stack = (stack_t){.ss_sp = stack, .ss_size = size};
    there.uc_link = &here;
    makecontext(&there, in_coroutine, 0);
    swapcontext(&here, &there);
}

/* The low half of where a stack was stays, and is a stack; a frame pointer leads into what is gone. */
static int coroutine(void)
{
    const size_t size = 128 * 1024;
    for (int i = 0; i < 100; i++) {
        char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pointer_to_use = 0;
        size_to_take = 5000;
        run_on(stack, size / 2);
        munmap(stack + size / 2, size / 2);
        pointer_to_use = (uintptr_t)stack + size / 2 + 64;
        size_to_take = 5001;
        run_on(stack, size / 2);
        munmap(stack, size / 2);
        stack = mmap(stack, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        pointer_to_use = 0;
        size_to_take = 5000;
        run_on(stack, size / 2);
        munmap(stack + size / 2, size / 2);
        pointer_to_use = (uintptr_t)stack + size / 2 + 64;
        size_to_take = 5003;
        is_silent = true;
        run_on(stack, size / 2);
        is_silent = false;
        /* And a larger one than before, where that was. */
        munmap(stack, size / 2);
        stack = mmap(stack, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        pointer_to_use = 0;
        size_to_take = 5002;
        run_on(stack, size);
        munmap(stack, size);
    }
    return 0;
}

static void on_signal(int signal)
{
    (void)signal;
    take(5000);
}

static int handler(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 200; i++) {
        const size_t size = i % 2 ? 65536 : 400000; /* the large one is unmapped when it is released */
        stack_t stack = {.ss_sp = malloc(size), .ss_size = size}, none = {.ss_flags = SS_DISABLE};
        sigaltstack(&stack, NULL);
        raise(SIGUSR1);
        sigaltstack(&none, NULL);
        free(stack.ss_sp);
    }
    return 0;
}

static sigjmp_buf landing;
static void on_overflow(int signal)
{
    (void)signal;
    take(5000);
    siglongjmp(landing, 1);
}

KEPT int recurse(int n)
{
    char *volatile room = __builtin_alloca(1000 + (size_t)(n % 100));
    room[0] = (char)n;
    if (n % 1000 == 0)
        take(100);
    return n < 0 ? 0 : recurse(n + 1) + room[0];
}

static char alternates[2][65536];
static void *overflow(void *alternate)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof *alternates};
    sigaltstack(&stack, NULL);
    if (sigsetjmp(landing, 1) == 0)
        recurse(1);
    take(5001);
    return NULL;
}

KEPT int grow(int n)
{
    char room[65536];
    *(char *volatile *)&(char *){room} = room;
    memset(room, n, sizeof room);
    take(5000);
    return n > 0 ? grow(n - 1) + room[n] : room[0];
}

static atomic_int done;
static void *take_until_done(void *unused)
{
    for (unsigned n = 0; !atomic_load(&done); n++)
        take(100 + n % 100);
    return unused;
}

static volatile int handled;
static void on_alarm(int signal)
{
    (void)signal;
    take(5000);
    handled++;
}

static int interrupted(void)
{
    struct itimerval often = {{0, 500}, {0, 500}}, never = {0};
    pthread_t thread;
    signal(SIGALRM, on_alarm);
    pthread_create(&thread, NULL, take_until_done, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (handled < 500)
        take(200);
    setitimer(ITIMER_REAL, &never, NULL);
    atomic_store(&done, 1);
    return pthread_join(thread, NULL);
}

static const char *plugin_path;
static int by_order(const void *a, const void *b)
{
    take(300);
    return *(const int *)a - *(const int *)b;
}

/* By a library that stays, and by one that this thread keeps. */
static void *take_by_libraries(void *unused)
{
    while (!atomic_load(&done)) {
        int values[16];
        for (int i = 0; i < 16; i++)
            values[i] = i * 7 % 16;
        qsort(values, 16, sizeof *values, by_order);
        void *plugin = dlopen(plugin_path, RTLD_NOW);
        void (*acquire)(void (*)(size_t), size_t) = (void (*)(void (*)(size_t), size_t))dlsym(plugin, "in_plugin_of");
        for (int i = 0; i < 20; i++)
            acquire(take, 400);
        dlclose(plugin);
    }
    return unused;
}

static int unload(int others)
{
    pthread_t made[3];
    for (int i = 0; i < others; i++)
        pthread_create(&made[i], NULL, i ? take_by_libraries : take_until_done, NULL);
    for (int i = 0; i < 2000; i++) {
        void *plugin = dlopen(plugin_path, RTLD_NOW);
        void (*acquire)(void (*)(size_t), size_t) = (void (*)(void (*)(size_t), size_t))dlsym(plugin, "in_plugin_of");
        acquire(take, 5000);
        dlclose(plugin);
    }
    atomic_store(&done, 1);
    for (int i = 0; i < others; i++)
        pthread_join(made[i], NULL);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const int count = argc > 2 ? atoi(argv[2]) : 0;
    for (int i = 0; strcmp(what, "calls") == 0 && i < count; i++)
        take(5000);
    if (strcmp(what, "calls") == 0)
        return 0;
    if (strcmp(what, "threads") == 0)
        return threads(count);
    if (strcmp(what, "crowd") == 0)
        return crowd(count);
    if (strcmp(what, "coroutine") == 0)
        return coroutine();
    if (strcmp(what, "handler") == 0)
        return handler();
    if (strcmp(what, "interrupted") == 0)
        return interrupted();
    if (strcmp(what, "overflow") == 0) {
        struct sigaction action = {.sa_handler = on_overflow, .sa_flags = SA_ONSTACK};
        pthread_t thread;
        sigaction(SIGSEGV, &action, NULL);
        overflow(alternates[0]);
        pthread_create(&thread, NULL, overflow, alternates[1]);
        return pthread_join(thread, NULL);
    }
    if (strcmp(what, "deep") == 0) {
        /* The limit is read at each page that is added. */
        struct rlimit limit;
        getrlimit(RLIMIT_STACK, &limit);
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_STACK, &limit))
            return 77;
        return grow(24 * 16) == -1;
    }
    plugin_path = argv[2];
    return strcmp(what, "unload") == 0 ? unload(3) : strcmp(what, "alone") == 0 ? unload(0) : 2;
}
