/* Acquires blocks by known paths of calls, one size for each; frees them all. Names of the functions tell the path.
 *
 *   call_paths PLUGIN OTHER-PLUGIN [PLUGIN …]     libraries made of call_paths_plugin.c
 */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define KEPT __attribute__((noinline, noclone))

KEPT void take(size_t size)
{
    void *volatile block = malloc(size);
    free(block);
}

KEPT void direct(size_t size)
{
    take(size);
    __asm__ volatile("");
}

KEPT void deep(int depth, size_t size)
{
    char *volatile room = __builtin_alloca((size_t)depth * 16 + 16);
    room[0] = 1;
    if (depth > 0)
        deep(depth - 1, size);
    else
        take(size);
    room[0] = 2;
}

KEPT void aligned(size_t size)
{
    volatile char room[64] __attribute__((aligned(64)));
    room[0] = 1;
    take(size);
    room[0] = 2;
}

static void (*volatile pointer)(size_t) = direct;
KEPT void by_pointer(size_t size)
{
    pointer(size);
    __asm__ volatile("");
}

static inline __attribute__((always_inline)) void inlined(size_t size)
{
    take(size);
    __asm__ volatile("nop"); /* not the same code as `direct`: else the two are one function */
}

KEPT void inlines(size_t size)
{
    inlined(size);
}

static volatile size_t next_size;
static void on_signal(int signal)
{
    (void)signal;
    take(next_size);
    __asm__ volatile("");
}

static void *on_thread(void *argument)
{
    direct((size_t)argument);
    __asm__ volatile("");
    return NULL;
}

static ucontext_t main_context, coroutine_context;
static void in_coroutine(void)
{
    direct(next_size);
    swapcontext(&coroutine_context, &main_context);
}

/* Its call is a jump: it has no frame. */
KEPT void tail_calls(size_t size)
{
    direct(size);
}

/* A frame that was left by a jump is no frame any more, and the one that it lands in is. */
static jmp_buf landing;
KEPT void jumps(int depth)
{
    if (depth > 0)
        jumps(depth - 1);
    else
        longjmp(landing, 1);
    __asm__ volatile("");
}

KEPT void lands(size_t size)
{
    if (setjmp(landing) == 0)
        jumps(5);
    take(size);
    __asm__ volatile("");
}

#if defined(__x86_64__)
/* Interrupted at an instruction, not behind a call. */
KEPT void interrupted(void)
{
    __asm__ volatile("ud2");
}

static void skip(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    take(next_size);
    ((ucontext_t *)context)->uc_mcontext.gregs[16] += 2; /* REG_RIP */
}
#else
KEPT void interrupted(void)
{
    raise(SIGILL);
}

static void skip(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    (void)context;
    take(next_size);
}
#endif

/* No frame information. */
__asm__(".text\n.globl without_information\n.type without_information, @function\nwithout_information:\n"
        "push %rbp\nmov %rsp, %rbp\ncall take\npop %rbp\nret\n.size without_information, . - without_information\n");
void without_information(size_t size);

/* Nor a frame pointer: it keeps something else there, which leads nowhere. */
__asm__(".text\n.globl without_anything\n.type without_anything, @function\nwithout_anything:\n"
        "push %rbp\npush %rbp\nsub $8, %rsp\nmov $24, %ebp\ncall take\nadd $8, %rsp\npop %rbp\npop %rbp\nret\n"
        ".size without_anything, . - without_anything\n");
void without_anything(size_t size);

KEPT void in_plugin(const char *path, size_t size)
{
    void *plugin = dlopen(path, RTLD_NOW);
    void (*acquire)(void (*)(size_t), size_t) =
        plugin ? (void (*)(void (*)(size_t), size_t))dlsym(plugin, "in_plugin_of") : NULL;
    if (!acquire)
        exit(1);
    acquire(take, size);
    dlclose(plugin);
}

int main(int argc, char **argv)
{
    static char alternate[65536], coroutine[65536];
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    pthread_t thread;
    direct(10001);
    by_pointer(10002);
    inlines(10003);
    deep(3, 10004);
    aligned(10005);
    without_information(10006);
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    next_size = 10007;
    raise(SIGUSR1);
    pthread_create(&thread, NULL, on_thread, (void *)10008);
    pthread_join(thread, NULL);
    next_size = 10009;
    getcontext(&coroutine_context);
    coroutine_context.uc_stack = (stack_t){.ss_sp = coroutine, .ss_size = sizeof coroutine};
    makecontext(&coroutine_context, in_coroutine, 0);
    swapcontext(&main_context, &coroutine_context);
    for (size_t i = 0; argc > 2 && i < 4; i++)
        in_plugin(argv[1 + i % 2], 10010 + i);
    for (int i = 3; i < argc; i++)
        in_plugin(argv[i], 10027 + (size_t)i);
    deep(200, 10020);
    tail_calls(10021);
    lands(10022);
    without_anything(10023);
    action = (struct sigaction){.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
    next_size = 10024;
    interrupted();
    static char room[262144] __attribute__((aligned(4096)));
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, room, sizeof room);
    pthread_create(&thread, &attributes, on_thread, (void *)10025);
    pthread_join(thread, NULL);
    return 0;
}
