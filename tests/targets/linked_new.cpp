/* An executable with an allocator of its own, whose operator new calls its own malloc, and throws where too much is
 * asked for. Is built with the operators hidden, or seen by other objects (-rdynamic). */
#include <cstddef>
#include <cstring>
#include <new>

static char heap[1 << 20] __attribute__((aligned(16)));
static size_t used;

extern "C" __attribute__((noinline)) void *malloc(size_t size)
{
    if (size > sizeof heap - used - 16)
        return nullptr;
    void *block = heap + used;
    used += (size + 15) & ~static_cast<size_t>(15);
    return block;
}

extern "C" __attribute__((noinline)) void free(void *block)
{
    if (block)
        memset(block, 0, 1);
}

extern "C" __attribute__((noinline)) void *calloc(size_t count, size_t size)
{
    return malloc(count * size);
}

extern "C" __attribute__((noinline)) void *realloc(void *block, size_t size)
{
    void *next = malloc(size);
    return block && next ? memcpy(next, block, 1) : next;
}

__attribute__((noinline)) void *operator new(size_t size)
{
    void *block = malloc(size);
    return block ? block : throw std::bad_alloc();
}

__attribute__((noinline)) void operator delete(void *block) noexcept
{
    free(block);
}

int main()
{
    const int rounds = 100;
    int thrown = 0;
    for (int i = 0; i < rounds; i++)
        ::operator delete(::operator new(701));
    try {
        void *volatile block = ::operator new(sizeof heap);
        ::operator delete(block);
    } catch (const std::bad_alloc &) {
        thrown++;
    }
    for (int i = 0; i < rounds; i++)
        free(malloc(702));
    return thrown == 1 ? 0 : 1;
}
