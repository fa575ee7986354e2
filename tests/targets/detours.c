/* Detours of functions that begin in many ways.
 *
 *   detours             makes one of each function below, and calls it: prints a line each, "NAME refused", or "NAME
 *                       ok" where the function was entered through the detour and did what it does; else "NAME wrong"
 *   detours decode      reads groups of 15 bytes, and writes for each a line: 0, or 1 and the length, kind and distance
 *                       of the instruction
 *
 * With -DPLANT a jump to behind the first byte goes unnoticed, and a length that depends on a distance is one too
 * short.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef PLANT
#define LOOKED_AT ((size_t)0)
#endif
#include "../../recorder/hook/detour.c"

/* Each takes a number and returns another, which is told beside it. */
#define FUNCTION(name, code)                                                                                           \
    __asm__(".text\n.p2align 4\n.globl " #name "\n.type " #name ",@function\n" #name ":\n" code "\n.size " #name       \
            ", .-" #name "\n");                                                                                        \
    extern long name(long);

__attribute__((used)) static long hundred = 100;
__attribute__((used, noinline)) static long seven(long n)
{
    return n + 7;
}
__attribute__((used)) static long (*const volatile seven_at)(long) = seven;

FUNCTION(plain, "push %rbp; mov %rsp, %rbp; lea 1(%rdi), %rax; pop %rbp; ret")
FUNCTION(marked, "endbr64; lea 2(%rdi), %rax; ret")
FUNCTION(relative, "mov hundred(%rip), %rax; add %rdi, %rax; ret")
FUNCTION(address, "lea hundred(%rip), %rax; mov (%rax), %rax; add %rdi, %rax; ret")
FUNCTION(branch_short, "test %rdi, %rdi; je 1f; lea 3(%rdi), %rax; ret; 1: mov $9, %eax; ret")
FUNCTION(branch_long, "test %rdi, %rdi; je 1f; lea 3(%rdi), %rax; ret; .skip 200, 0x90; 1: mov $9, %eax; ret")
FUNCTION(branch_second, "cmp $4, %edi; jg 1f; lea 3(%rdi), %rax; ret; 1: mov $9, %eax; ret")
FUNCTION(calls, "push %rbx; call seven; pop %rbx; ret")
FUNCTION(goes_on, "jmp seven; nop")
FUNCTION(wide, "movabs $0x123456789, %rax; add %rdi, %rax; ret")
FUNCTION(local, "mov %fs:0, %rax; xor %eax, %eax; lea 5(%rax,%rdi,2), %rax; ret")
FUNCTION(early_return, "mov %rdi, %rax; ret; nop; nop; nop; nop")
FUNCTION(too_short, "ret")
FUNCTION(jumps_to_start, "sub $1, %rdi; js 1f; jmp jumps_to_start; 1: mov %rdi, %rax; ret")
FUNCTION(jumps_behind_start, "mov %rdi, %rax; 1: sub $1, %rax; sub $1, %rax; jns 1b; ret")
FUNCTION(unknown, "vpxor %xmm0, %xmm0, %xmm0; lea 1(%rdi), %rax; ret")
FUNCTION(calls_indirectly, "sub $8, %rsp; call *seven_at(%rip); add $8, %rsp; ret")
FUNCTION(counts_down, "xor %ecx, %ecx; 1: lea 1(%rdi), %rax; jmp 2f; jrcxz 1b; 2: ret")
FUNCTION(locked, "lock addq $0, hundred(%rip); lea 1(%rdi), %rax; ret")
FUNCTION(two_widths, ".byte 0x66; movq $0x12345, %rax; lea 1(%rdi), %rax; ret")
__asm__(".text\n.p2align 12\n.skip 4092\n.globl across\n.type across,@function\nacross: lea 1(%rdi), %rax; ret\n.size "
        "across, .-across\n");
extern long across(long);
__asm__(".text\n.p2align 4\n.skip 3\n.globl beside\n.type beside,@function\nbeside: lea 1(%rdi), %rax; ret\n.size "
        "beside, .-beside\n");
extern long beside(long);

static const struct {
    const char *name;
    long (*function)(long);
    size_t size;
} functions[] = {
/* clang-format off */
#define ONE(name, size) {#name, name, size},
    ONE(plain, 10) ONE(marked, 9) ONE(relative, 11) ONE(address, 14) ONE(branch_short, 16) ONE(branch_long, 220)
    ONE(branch_second, 16) ONE(calls, 8) ONE(goes_on, 6) ONE(wide, 14) ONE(local, 17) ONE(early_return, 8)
    ONE(too_short, 1) ONE(jumps_to_start, 12) ONE(jumps_behind_start, 14) ONE(unknown, 9) ONE(across, 5) ONE(beside, 5)
    ONE(calls_indirectly, 15) ONE(counts_down, 11) ONE(locked, 14) ONE(two_widths, 13)
    /* clang-format on */
};

static long entered;

/* As a handler is: with the function's own as the sixth argument, which the stub left below the stack's end. */
__asm__(".text\n.globl enter\n.type enter,@function\nenter: mov -128(%rsp), %r9; jmp handler\n.size enter, .-enter\n");
extern const char enter[];
__attribute__((used)) static long handler(long a, long b, long c, long d, long e, long (*const *real)(long))
{
    (void)b, (void)c, (void)d, (void)e;
    entered++;
    return (*real)(a);
}

static void decode(void)
{
    uint8_t bytes[INSTRUCTION_MAX];
    while (fread(bytes, sizeof bytes, 1, stdin) == 1) {
        struct instruction i;
        const int known = read_instruction(bytes, &i);
#ifdef PLANT
        i.length -= i.kind == DATA;
#endif
        if (known)
            printf("1 %d %d %d\n", i.length, i.kind, i.distance);
        else
            printf("0\n");
    }
}

int main(int argc, char **argv)
{
    enum { COUNT = sizeof functions / sizeof *functions, NUMBERS = 6 };
    static long (*real[COUNT])(long);
    static struct ar_detour detours[COUNT];
    long before[COUNT][NUMBERS];
    uintptr_t bias;
    const struct ar_object program = ar_program(&bias);
    (void)argv;
    if (argc > 1) {
        decode();
        return 0;
    }
    if (!ar_detour_room(&program))
        return 1;
    for (int f = 0; f < COUNT; f++) {
        for (long n = 0; n < NUMBERS; n++)
            before[f][n] = functions[f].function(n);
        const struct ar_symbol symbol = {(void *)functions[f].function, functions[f].size};
        void *trampoline = ar_detour_prepare(&symbol, &program, ar_stub(enter, &real[f]), &detours[f]);
        memcpy(&real[f], &trampoline, sizeof trampoline);
    }
    if (!ar_detour_seal())
        return 1;
    for (int f = 0; f < COUNT; f++) {
        if (!real[f]) {
            printf("%s refused\n", functions[f].name);
            continue;
        }
        if (!ar_detour_apply(&detours[f]))
            return 1;
        bool is_right = true;
        for (long n = 0; n < NUMBERS; n++) {
            const long entries = entered;
            is_right &= functions[f].function(n) == before[f][n] && entered > entries;
        }
        printf("%s %s\n", functions[f].name, is_right ? "ok" : "wrong");
        fflush(stdout);
    }
    return 0;
}
