/* Registers across a handler of a detour.
 *
 * A compiler that sees a function and who calls it (one file, or all at link time) has the caller rely on registers
 * that this function leaves alone, whatever the convention says (gcc's -fipa-ra, on from -O1). So all are left as they
 * were, but for that of a result; what the real function changes is relied on by nobody.
 *
 * A file that includes this includes it before all else. */
#ifndef AR_REGISTERS_H
#define AR_REGISTERS_H

#if defined(__x86_64__)
#pragma GCC target("general-regs-only") /* so that nothing is done to the others before they are kept */
#endif

#include <stdint.h>

#define AR_ENTERED __attribute__((used, noinline)) /* a handler, by AR_ENTER */

#if defined(__x86_64__)

struct ar_vectors {
    uint8_t bytes[16][16];
};

#define AR_EACH_VECTOR(DO)                                                                                             \
    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)

static inline __attribute__((always_inline)) void ar_keep(struct ar_vectors *v)
{
#define AR_KEEP(n) __asm__ volatile("movups %%xmm" #n ", %0" : "=m"(v->bytes[n]));
    AR_EACH_VECTOR(AR_KEEP)
#undef AR_KEEP
}

static inline __attribute__((always_inline)) void ar_put_back(const struct ar_vectors *v)
{
#define AR_PUT_BACK(n) __asm__ volatile("movups %0, %%xmm" #n : : "m"(v->bytes[n]));
    AR_EACH_VECTOR(AR_PUT_BACK)
#undef AR_PUT_BACK
}

/* Where the handler was called from: of the frame of AR_ENTER, which is its caller's. */
#define AR_CALLER (((void **)*(void **)__builtin_frame_address(0))[1])

#ifdef AR_PLANTED_LOST /* a fault, for tests */
#define AR_LOSE "xor %ecx, %ecx\n xor %edx, %edx\n xor %esi, %esi\n xor %edi, %edi\n"
#else
#define AR_LOSE ""
#endif

#define AR_HAS_RESULT "lea 8(%rsp), %rsp\n"
#define AR_HAS_NONE "pop %rax\n"

/* ar_enter_NAME, which calls NAME with what a stub left (detour.h) as the sixth argument. That lies in the red zone,
 * 128 bytes below the stack's end, which neither a signal nor the kernel touches: 120 below the frame that begins here.
 * A function that nobody else calls may have a stack that is not aligned. */
#define AR_ENTER(name, has)                                                                                            \
    extern const char ar_enter_##name[] __attribute__((visibility("hidden")));                                         \
    __asm__(".text\n"                                                                                                  \
            ".p2align 4\n"                                                                                             \
            ".hidden ar_enter_" #name "\n"                                                                             \
            ".globl ar_enter_" #name "\n"                                                                              \
            ".type ar_enter_" #name ", @function\n"                                                                    \
            "ar_enter_" #name ":\n"                                                                                    \
            ".cfi_startproc\n"                                                                                         \
            "push %rbp\n"                                                                                              \
            ".cfi_def_cfa_offset 16\n"                                                                                 \
            ".cfi_offset %rbp, -16\n"                                                                                  \
            "mov %rsp, %rbp\n"                                                                                         \
            ".cfi_def_cfa_register %rbp\n"                                                                             \
            "push %rax\n push %rcx\n push %rdx\n push %rsi\n push %rdi\n"                                              \
            "push %r8\n push %r9\n push %r10\n push %r11\n"                                                            \
            "mov -120(%rbp), %r9\n"                                                                                    \
            "and $-16, %rsp\n"                                                                                         \
            "call " #name "\n"                                                                                         \
            "lea -72(%rbp), %rsp\n"                                                                                    \
            "pop %r11\n pop %r10\n pop %r9\n pop %r8\n"                                                                \
            "pop %rdi\n pop %rsi\n pop %rdx\n pop %rcx\n" AR_LOSE has "pop %rbp\n"                                     \
            ".cfi_def_cfa %rsp, 8\n"                                                                                   \
            "ret\n"                                                                                                    \
            ".cfi_endproc\n"                                                                                           \
            ".size ar_enter_" #name ", .-ar_enter_" #name "\n");
#define AR_ENTRY(name) ar_enter_##name

#else /* where there are no detours */

struct ar_vectors {
    uint8_t none;
};

static inline void ar_keep(struct ar_vectors *v)
{
    (void)v;
}

static inline void ar_put_back(const struct ar_vectors *v)
{
    (void)v;
}

#define AR_CALLER __builtin_return_address(0)
#define AR_ENTER(name, has)
#define AR_ENTRY(name) (const void *)name

#endif

#endif
