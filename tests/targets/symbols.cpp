// Functions to be found by their symbols: each prints the address of a call in it, as an offset from the object's first
// address, and the name that is expected there. At "inlined" there are two functions.
#include <cstdint>
#include <cstdio>

extern "C" const char __ehdr_start[];

#define HERE(name)                                                                                                     \
    do {                                                                                                               \
        uintptr_t here;                                                                                                \
        __asm__ volatile("lea 0(%%rip), %0" : "=r"(here));                                                             \
        std::printf("%lx %d %s\n", here - (uintptr_t)__ehdr_start, __LINE__, name);                                    \
    } while (0)

namespace shop
{
template <class T> __attribute__((noinline)) void sized(T)
{
    HERE("void shop::sized<int>(int)");
}

struct Cart {
    __attribute__((noinline)) void restore() const { HERE("shop::Cart::restore() const"); }
};
} // namespace shop

inline __attribute__((always_inline)) void inlined()
{
    HERE("inlined()");
}

extern "C" __attribute__((noinline)) void plain(void)
{
    HERE("plain");
    inlined();
}

int main()
{
    plain();
    shop::Cart().restore();
    shop::sized(1);
}
