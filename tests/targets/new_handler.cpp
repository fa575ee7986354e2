// Requests that no allocator can serve: a new-handler frees a reserve, keeps a block, then gives up. Prints how often
// it ran.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

static void *volatile reserve, *volatile kept;
static int runs;

static void handler()
{
    runs++;
    if (!reserve)
        throw std::bad_alloc();
    std::free(reserve);
    reserve = nullptr;
    kept = ::operator new(842);
}

template <typename Request> static bool fails(Request request)
{
    reserve = std::malloc(841);
    try {
        return request() == nullptr;
    } catch (const std::bad_alloc &) {
        return true;
    }
}

int main()
{
    volatile std::size_t large = PTRDIFF_MAX / 2;
    std::set_new_handler(handler);
    bool all = fails([&] { return ::operator new(large); });
    all &= fails([&] { return ::operator new[](large); });
    all &= fails([&] { return ::operator new(large, std::nothrow); });
    all &= fails([&] { return ::operator new(large, std::align_val_t(64)); });
    // What comes after an exception is recorded as before.
    for (int i = 0; i < 10; i++) {
        char *volatile block = new char[843];
        delete[] block;
    }
    std::printf("%d\n", runs);
    return !all;
}
