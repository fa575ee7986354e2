/* The same work again and again, each time by a new thread, which is a run of its own to whoever samples: a thread has
 * a countdown of its own.
 *
 *   sampled_rounds PATTERN ROUNDS COUNT TRUTH
 *
 * PATTERN is uniform (200 slots, 100 bytes), hot (4 slots, 64 bytes: four addresses) or tail (200 slots, 16 bytes to 1
 * MiB, P(size > s) = 16 / s). Each round acquires COUNT blocks, a random slot's at a time, with some 4 microseconds of
 * work between them. TRUTH gets a line for each round: blocks, bytes, those live at its end, their bytes, and
 * nanoseconds that the others lived. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *pattern;
static long count;
static struct truth {
    uint64_t blocks, bytes, live_blocks, live_bytes, lived_ns;
} truth;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void work(void)
{
    for (uint64_t end = now_ns() + 4000; now_ns() < end;)
        continue;
}

static void *round_of(void *unused)
{
    struct {
        void *block;
        uint64_t size, born;
    } slots[200] = {0};
    const unsigned used = strcmp(pattern, "hot") == 0 ? 4 : 200;
    uint64_t state = 0x9e3779b97f4a7c15u;
    for (long i = 0; i < count; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        unsigned slot = (unsigned)((state >> 8) % used);
        uint64_t size = strcmp(pattern, "tail") == 0 ? 16 * 65536 / (1 + (state >> 32) % 65535) : used == 4 ? 64 : 100;
        if (slots[slot].block) {
            truth.lived_ns += now_ns() - slots[slot].born;
            truth.live_blocks--;
            truth.live_bytes -= slots[slot].size;
            free(slots[slot].block);
        }
        slots[slot].block = malloc(size);
        slots[slot].born = now_ns();
        slots[slot].size = size;
        truth.blocks++;
        truth.bytes += size;
        truth.live_blocks++;
        truth.live_bytes += size;
        work();
    }
    return unused;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    pattern = argv[1];
    count = atol(argv[3]);
    FILE *out = fopen(argv[4], "w");
    for (long i = atol(argv[2]); out && i > 0; i--) {
        pthread_t thread;
        truth = (struct truth){0};
        if (pthread_create(&thread, NULL, round_of, NULL))
            abort();
        pthread_join(thread, NULL);
        fprintf(out, "%lu %lu %lu %lu %lu\n", truth.blocks, truth.bytes, truth.live_blocks, truth.live_bytes,
                truth.lived_ns);
    }
    return out == NULL || fclose(out) != 0;
}
