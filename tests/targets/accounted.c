/* Acquires and releases blocks in a pattern, and keeps an account of each of them, by the counter that events are
 * stamped by.
 *
 *   accounted PATTERN COUNT ACCOUNT
 *
 *   uniform   200 slots, blocks of 100 bytes, a random one is replaced
 *   hot       4 slots, blocks of 64 bytes: four addresses again and again
 *   tail      200 slots, sizes of a heavy tail: 16 bytes to 1 MiB, most of the bytes in a few blocks
 *   cross     two threads acquire, two others release
 *   realloc   40 slots, a random one is reallocated to a random size, now and then in vain, or released
 *   fork      as uniform; half way a child is forked that releases what it inherited, and goes on. Its account is
 *             ACCOUNT.child
 *   steps     three times COUNT/3 as uniform, of more and more slots; each waits for a line on standard input, and says
 *             so with one on standard output when it is done
 *
 * Written to ACCOUNT, in the machine's order: a struct record for each block, in order of acquisition. What lives at
 * the end has a `died` of 0. COUNT is at most a million. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS (3 << 20)
#define SLOTS 600
#define NONE UINT32_MAX

/* The block was acquired between the two readings of `born`, and released between those of `died`. */
struct record {
    uint64_t address, size, born[2], died[2];
    uint32_t taker, giver; /* the kernel's ids of threads */
};

static struct record *records;
static atomic_uint used;
static uint32_t slots[SLOTS]; /* records of what is in them */

static uint64_t counter(void)
{
#if defined(__x86_64__)
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
#else
    uint64_t value;
    __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(value)::"memory");
    return value;
#endif
}

static __thread uint32_t own_id;

static uint32_t thread_id(void)
{
    return own_id ? own_id : (own_id = (uint32_t)syscall(SYS_gettid));
}

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static uint32_t note(void *block, size_t size, uint64_t before, uint64_t after)
{
    uint32_t i = atomic_fetch_add(&used, 1);
    if (i >= RECORDS)
        abort();
    records[i] = (struct record){(uintptr_t)block, size, {before, after}, {0, 0}, thread_id(), 0};
    return i;
}

static uint32_t acquire(size_t size)
{
    uint64_t before = counter();
    void *block = malloc(size);
    return note(block, size, before, counter());
}

static void end(uint32_t i, uint64_t before, uint64_t after)
{
    records[i].died[0] = before;
    records[i].died[1] = after;
    records[i].giver = thread_id();
}

static void release(uint32_t i)
{
    uint64_t before = counter();
    free((void *)records[i].address);
    end(i, before, counter());
}

/* 16 / u, with u uniform in (2^-16, 1): P(size > s) = 16 / s. */
static size_t heavy(uint64_t bits)
{
    return 16 * 65536 / (1 + bits % 65535);
}

static void churn(long count, unsigned from, unsigned to, size_t size, uint64_t *state)
{
    for (long i = 0; i < count; i++) {
        uint64_t bits = next(state);
        uint32_t *slot = &slots[from + bits % (to - from)];
        if (*slot != NONE)
            release(*slot);
        *slot = acquire(size ? size : heavy(bits >> 32));
    }
}

static void *reallocates(uint32_t i, size_t size)
{
    uint64_t before = counter();
    void *block = realloc((void *)records[i].address, size);
    uint64_t after = counter();
    if (block) {
        end(i, before, after);
        note(block, size, before, after);
    }
    return block;
}

static void chains(long count, uint64_t *state)
{
    for (long i = 0; i < count; i++) {
        uint64_t bits = next(state);
        uint32_t *slot = &slots[bits % 40];
        if (*slot == NONE) {
            *slot = acquire(heavy(bits >> 32) & 4095);
        } else if ((bits >> 8) % 8 == 0) {
            release(*slot);
            *slot = NONE;
        } else if ((bits >> 8) % 8 == 1) {
            if (reallocates(*slot, (size_t)PTRDIFF_MAX + 1)) /* never had */
                abort();
        } else {
            reallocates(*slot, heavy(bits >> 32));
            *slot = atomic_load(&used) - 1;
        }
    }
}

/* From one thread to another, a record at a time. */
static _Atomic uint32_t handed[2] = {NONE, NONE};
static long each;

static void *take(void *argument)
{
    const int lane = (int)(intptr_t)argument;
    uint64_t state = 88172645463325252u + (uint64_t)lane;
    for (long i = 0; i < each; i++) {
        uint32_t block = acquire(heavy(next(&state) >> 32));
        while (atomic_load_explicit(&handed[lane], memory_order_acquire) != NONE)
            sched_yield();
        atomic_store_explicit(&handed[lane], block, memory_order_release);
    }
    return NULL;
}

static void *give(void *argument)
{
    const int lane = (int)(intptr_t)argument;
    for (long i = 0; i < each; i++) {
        uint32_t block;
        while ((block = atomic_load_explicit(&handed[lane], memory_order_acquire)) == NONE)
            sched_yield();
        atomic_store_explicit(&handed[lane], NONE, memory_order_release);
        release(block);
    }
    return NULL;
}

static void cross(long count)
{
    pthread_t threads[4];
    each = count / 2;
    for (intptr_t i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, i < 2 ? take : give, (void *)(i % 2)))
            abort();
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void await(int fd)
{
    char byte;
    while (read(fd, &byte, 1) == 1 && byte != '\n')
        continue;
}

static void write_account(const char *path, const char *suffix)
{
    char name[4096];
    strcpy(name, path);
    strcat(name, suffix);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const char *at = (const char *)records, *stop = (const char *)(records + atomic_load(&used));
    while (fd >= 0 && at < stop) {
        ssize_t n = write(fd, at, (size_t)(stop - at));
        if (n <= 0)
            abort();
        at += n;
    }
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const char *pattern = argv[1];
    const long count = atol(argv[2]);
    uint64_t state = 0x9e3779b97f4a7c15u;
    const char *suffix = "";
    records = mmap(NULL, RECORDS * sizeof *records, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < SLOTS; i++)
        slots[i] = NONE;
    if (strcmp(pattern, "uniform") == 0) {
        churn(count, 0, 200, 100, &state);
    } else if (strcmp(pattern, "hot") == 0) {
        churn(count, 0, 4, 64, &state);
    } else if (strcmp(pattern, "tail") == 0) {
        churn(count, 0, 200, 0, &state);
    } else if (strcmp(pattern, "cross") == 0) {
        cross(count);
    } else if (strcmp(pattern, "realloc") == 0) {
        chains(count, &state);
    } else if (strcmp(pattern, "fork") == 0) {
        churn(count / 2, 0, 200, 100, &state);
        pid_t child = fork();
        if (child == 0) {
            suffix = ".child";
            own_id = 0;
            struct record *own =
                mmap(NULL, RECORDS * sizeof *own, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            for (int i = 0; i < 200; i++) {
                free((void *)records[slots[i]].address);
                slots[i] = NONE;
            }
            records = own;
            atomic_store(&used, 0);
        }
        churn(count / 2, 0, 200, 100, &state);
        if (child)
            waitpid(child, NULL, 0);
    } else if (strcmp(pattern, "steps") == 0) {
        for (unsigned step = 1; step <= 3; step++) {
            await(0);
            churn(count / 3, 0, 200 * step, 100, &state);
            if (write(1, "\n", 1) != 1)
                abort();
        }
        await(0);
    } else {
        return 2;
    }
    write_account(argv[3], suffix);
    return 0;
}
