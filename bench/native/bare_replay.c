/* The simplest loop that replays a trace of one thread: the limit of what a replayer can cost. Reads a malloc lab trace
 * (four numbers, then a ID SIZE and f ID) and prints nanoseconds per call.
 *
 *   bare_replay FILE [noop | LIBRARY]
 *
 * Calls the process's own malloc and free; two functions of this program that do nothing; or those of a library.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct op {
    uint32_t slot;
    uint32_t is_free;
    size_t size;
};

static char block[1 << 20];

static __attribute__((noinline)) void *return_block(size_t size)
{
    __asm__ volatile("" : : "r"(size));
    return block;
}

static __attribute__((noinline)) void do_nothing(void *unused)
{
    __asm__ volatile("" : : "r"(unused));
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    long heap, ids, count, weight;
    FILE *file = argc >= 2 ? fopen(argv[1], "r") : NULL;
    if (!file || fscanf(file, "%ld %ld %ld %ld", &heap, &ids, &count, &weight) != 4)
        return 2;
    struct op *ops = calloc((size_t)count, sizeof *ops);
    void **slots = calloc((size_t)ids, sizeof *slots);
    for (long i = 0; i < count; i++) {
        char kind;
        if (fscanf(file, " %c %u", &kind, &ops[i].slot) != 2)
            return 2;
        ops[i].is_free = kind == 'f';
        if (kind == 'a' && fscanf(file, "%zu", &ops[i].size) != 1)
            return 2;
    }
    void *(*volatile acquire)(size_t) = malloc;
    void (*volatile release)(void *) = free;
    if (argc == 3 && strcmp(argv[2], "noop") == 0) {
        acquire = return_block;
        release = do_nothing;
    } else if (argc == 3) {
        void *library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
        if (!library)
            return 2;
        *(void **)&acquire = dlsym(library, "malloc");
        *(void **)&release = dlsym(library, "free");
    }
    void *(*take)(size_t) = acquire;
    void (*give)(void *) = release;
    memset(slots, 1, (size_t)ids * sizeof *slots); /* present, as a replayer's are */
    uint64_t start = now_ns();
    for (const struct op *op = ops, *end = ops + count; op != end; op++) {
        if (op->is_free)
            give(slots[op->slot]);
        else
            slots[op->slot] = take(op->size);
    }
    printf("%.4f\n", (double)(now_ns() - start) / (double)count);
    return 0;
}
