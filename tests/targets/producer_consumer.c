/* Two producers, two consumers and a ring between them: every block is freed by another thread than took it. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RING 64
#define PAIRS 2

static struct ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void *blocks[RING];
    size_t put, taken;
} rings[PAIRS];

static size_t blocks_each = 20000;

static void *produce(void *argument)
{
    struct ring *ring = argument;
    uint32_t random = 2463534242u + (uint32_t)(ring - rings);
    for (size_t i = 0; i < blocks_each; i++) {
        random = random * 1664525u + 1013904223u;
        size_t size = 16 + (random >> 16) % 1000;
        char *block = i % 7 ? malloc(size) : calloc(4, size);
        if (i % 11 == 0)
            block = realloc(block, 2 * size);
        memset(block, 1, size);
        pthread_mutex_lock(&ring->lock);
        while (ring->put - ring->taken == RING)
            pthread_cond_wait(&ring->changed, &ring->lock);
        ring->blocks[ring->put++ % RING] = block;
        pthread_cond_signal(&ring->changed);
        pthread_mutex_unlock(&ring->lock);
    }
    return NULL;
}

static void *consume(void *argument)
{
    struct ring *ring = argument;
    for (size_t i = 0; i < blocks_each; i++) {
        pthread_mutex_lock(&ring->lock);
        while (ring->put == ring->taken)
            pthread_cond_wait(&ring->changed, &ring->lock);
        void *block = ring->blocks[ring->taken++ % RING];
        pthread_cond_signal(&ring->changed);
        pthread_mutex_unlock(&ring->lock);
        free(block);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[2 * PAIRS];
    if (argc > 1)
        blocks_each = (size_t)atol(argv[1]);
    for (int i = 0; i < PAIRS; i++) {
        pthread_mutex_init(&rings[i].lock, NULL);
        pthread_cond_init(&rings[i].changed, NULL);
        if (pthread_create(&threads[2 * i], NULL, produce, &rings[i]) ||
            pthread_create(&threads[2 * i + 1], NULL, consume, &rings[i]))
            return 1;
    }
    for (int i = 0; i < 2 * PAIRS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
