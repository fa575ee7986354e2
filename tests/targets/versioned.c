/* A function that is exported with a version, as those of a library are: prints the address of a call in it, and its
 * name. */
#include <stdint.h>
#include <stdio.h>

extern const char __ehdr_start[];

__asm__(".symver take, take@@@SHOP_1.2.3");

__attribute__((noinline)) void take(void)
{
    uintptr_t here;
    __asm__ volatile("lea 0(%%rip), %0" : "=r"(here));
    printf("%lx %d take\n", here - (uintptr_t)__ehdr_start, __LINE__);
}

int main(void)
{
    take();
}
