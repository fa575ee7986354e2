/* Maps memory, gives parts of it back, moves it and moves its break, and says what it has mapped then: a line "ADDRESS
 * SIZE" for each range, by address, in hexadecimal. With an argument, a second thread does the same meanwhile and gives
 * back all that it mapped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul

static char *map(size_t size)
{
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        abort();
    memset(at, 1, size);
    return at;
}

static void *churn(void *argument)
{
    for (int i = 0; i < 200; i++)
        munmap(map((size_t)(1 + i % 7) * PAGE), (size_t)(1 + i % 7) * PAGE);
    return argument;
}

static int by_address(const void *a, const void *b)
{
    const uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    (void)argv;
    pthread_t thread;
    if (argc > 1 && pthread_create(&thread, NULL, churn, NULL))
        return 2;

    char *whole = map(8 * PAGE), *cut = map(8 * PAGE), *moved = map(4 * PAGE), *over = map(4 * PAGE),
         *odd = map(PAGE + 1);
    munmap(cut + 2 * PAGE, 2 * PAGE);
    /* To where nothing is: behind a range that is kept free for it. */
    char *room = map(64 * PAGE);
    munmap(room, 64 * PAGE);
    moved = mremap(moved, 4 * PAGE, 32 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    if (moved != room || mremap((void *)PAGE, PAGE, 2 * PAGE, 0) != MAP_FAILED)
        return 3;
    /* A file in the place of a page. */
    if (mmap(over + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, open("/proc/self/exe", O_RDONLY), 0) == MAP_FAILED)
        return 4;
    char *heap = sbrk(3 * PAGE);
    if (heap == (void *)-1 || sbrk(-(intptr_t)PAGE) == (void *)-1)
        return 5;
    /* What fails changes nothing. */
    if (munmap(whole, (size_t)1 << 60) == 0 || munmap(whole + 1, PAGE) == 0)
        return 6;
    (void)brk((void *)PAGE); /* which says that it is done */
    if (argc > 1)
        pthread_join(thread, NULL);

    uintptr_t ranges[][2] = {
        {(uintptr_t)whole, 8 * PAGE},  {(uintptr_t)cut, 2 * PAGE},  {(uintptr_t)cut + 4 * PAGE, 4 * PAGE},
        {(uintptr_t)moved, 32 * PAGE}, {(uintptr_t)over, PAGE},     {(uintptr_t)over + 2 * PAGE, 2 * PAGE},
        {(uintptr_t)odd, 2 * PAGE},    {(uintptr_t)heap, 2 * PAGE},
    };
    qsort(ranges, sizeof ranges / sizeof *ranges, sizeof *ranges, by_address);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        printf("%lx %lx\n", ranges[i][0], ranges[i][1]);
    return 0;
}
