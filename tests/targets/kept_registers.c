/* An allocator in one file with who calls it: the compiler keeps values across the calls in registers that the
 * functions leave alone, though by the convention they need not. Prints what comes of them. */
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 1000

static char pool[1 << 20];
static size_t taken;
static volatile long given;

__attribute__((noinline)) void *malloc(size_t size)
{
    char *block = pool + taken;
    taken += (size + 15) & ~(size_t)15;
    return taken > sizeof pool ? NULL : block;
}

__attribute__((noinline)) void free(void *block)
{
    if (block)
        given++;
}

void *calloc(size_t count, size_t size)
{
    return malloc(count * size); /* the pool is zero, and nothing is handed out twice */
}

void *realloc(void *block, size_t size)
{
    (void)block;
    return malloc(size); /* nobody here asks for what was in it */
}

__attribute__((noinline)) static unsigned long whole(unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    unsigned long sum = 0;
    for (unsigned long i = 0; i < ROUNDS; i++) {
        volatile unsigned long *block = malloc(b);
        *block = c;
        free((void *)block);
        sum += a * i + b * c + d;
    }
    return sum + a + b + c + d;
}

__attribute__((noinline)) static double fractions(double a, double b, double c)
{
    double sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        volatile double *block = malloc(16);
        *block = b;
        free((void *)block);
        sum += a * i + b * c;
    }
    return sum + a + b + c;
}

int main(int argc, char **argv)
{
    (void)argv;
    const unsigned long n = (unsigned long)argc;
    printf("%lu %.3f\n", whole(n, 16, 3, 5), fractions((double)n, 2.5, 3.5));
    return 0;
}
