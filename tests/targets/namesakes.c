/* Functions that are called as allocators' are, and are none: what they take and return is not what those do. Prints
 * what they make of it. */
#include <stdio.h>

__attribute__((noinline)) double tc_new(double a, double b)
{
    return a * 10 + b;
}

__attribute__((noinline)) long mi_new(long a, long b, long c, long d, long e, long f, long g, long h)
{
    return a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f + 1000000 * g + 10000000 * h;
}

__attribute__((noinline)) long rpfree(long a, long b, long c, long d, long e, long f)
{
    return mi_new(a, b, c, d, e, f, 0, 0) * 2;
}

int main(int argc, char **argv)
{
    (void)argv;
    const long n = argc;
    printf("%.1f %ld %ld\n", tc_new((double)n, 2), mi_new(n, 2, 3, 4, 5, 6, 7, 8), rpfree(n, 2, 3, 4, 5, 6));
    return 0;
}
