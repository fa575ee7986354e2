// As call_paths.c: what only C++ has. With an argument blocks are kept, so that each has an address of its own.
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#define KEPT extern "C" __attribute__((noinline, noclone))
#define STAYS() __asm__ volatile("")

static void *volatile kept;
static bool keeps;

KEPT void take(std::size_t size)
{
    kept = std::malloc(size);
    if (!keeps)
        std::free(kept);
}

KEPT void by_new(std::size_t size)
{
    kept = ::operator new(size);
    if (!keeps)
        ::operator delete(kept);
}

KEPT void by_new_array(std::size_t size)
{
    char *block = new char[size];
    kept = block;
    if (!keeps)
        delete[] block;
}

KEPT void by_new_nothrow(std::size_t size)
{
    kept = ::operator new(size, std::nothrow);
    if (!keeps)
        ::operator delete(kept);
}

KEPT void by_new_aligned(std::size_t size)
{
    kept = ::operator new(size, std::align_val_t(64));
    if (!keeps)
        ::operator delete(kept, std::align_val_t(64));
}

KEPT void by_make_unique(std::size_t size)
{
    auto block = std::make_unique<char[]>(size);
    kept = block.get();
    if (keeps)
        (void)block.release();
}

KEPT void by_vector(std::size_t size)
{
    auto *block = keeps ? new std::vector<char>(size) : nullptr;
    std::vector<char> other(keeps ? 0 : size);
    kept = block ? block->data() : other.data();
}

KEPT void by_function(const std::function<void(std::size_t)> &function, std::size_t size)
{
    function(size);
    STAYS();
}

template <int N> struct Box {
    __attribute__((noinline)) static void fill(std::size_t size)
    {
        take(size + N);
        STAYS();
    }
};

struct Shape {
    virtual ~Shape() = default;
    virtual void draw(std::size_t size) = 0;
};
struct Circle : Shape {
    __attribute__((noinline)) void draw(std::size_t size) override
    {
        take(size);
        STAYS();
    }
};

KEPT void by_virtual(Shape *shape, std::size_t size)
{
    shape->draw(size);
    STAYS();
}

// An exception is a block: 128 bytes of the runtime's, and this.
struct Large {
    char room[10040 - 128];
};

struct Cleanup {
    std::size_t size;
    __attribute__((noinline)) ~Cleanup()
    {
        take(size);
        STAYS();
    }
};

KEPT void throws()
{
    throw Large();
}

KEPT void cleans_up()
{
    Cleanup cleanup{10041};
    throws();
    STAYS();
}

KEPT void catches()
{
    try {
        cleans_up();
    } catch (const Large &) {
        take(10042);
        STAYS();
    }
    take(10043);
    STAYS();
}

KEPT void on_thread(std::size_t size)
{
    take(size);
    STAYS();
}

// An allocator's operator new calls this while it has nothing to give, and the recorder's is below it.
KEPT void without_memory()
{
    take(10060);
    std::set_new_handler(nullptr);
    STAYS();
}

KEPT void asks_too_much()
{
    std::set_new_handler(without_memory);
    std::size_t volatile size = static_cast<std::size_t>(1) << 60;
    kept = ::operator new(size, std::nothrow);
    STAYS();
}

int main(int argc, char **)
{
    keeps = argc > 1;
    by_new(10030);
    by_new_array(10031);
    by_new_nothrow(10032);
    by_new_aligned(10033);
    by_make_unique(10034);
    by_vector(10035);
    by_function(take, 10036);
    Box<7>::fill(10030);
    Circle circle;
    Shape *volatile shape = &circle;
    by_virtual(shape, 10038);
    catches();
    std::thread(on_thread, 10050).join();
    asks_too_much();
    return 0;
}
