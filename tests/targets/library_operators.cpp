// A library with operators of its own, which know their blocks by TAG. With STRING, what it takes is a string that the
// C++ runtime makes grow: its runtime uses these operators too, and it is the only library of which that holds.
#include <cstdlib>
#include <new>
#include <string>

struct Head {
    unsigned long tag, filler;
};

void *operator new(std::size_t size)
{
    Head *head = static_cast<Head *>(std::malloc(size + sizeof(Head)));
    if (!head)
        throw std::bad_alloc();
    head->tag = TAG;
    return head + 1;
}

void operator delete(void *block) noexcept
{
    Head *head = static_cast<Head *>(block) - 1;
    if (!block)
        return;
    if (head->tag != TAG)
        std::abort();
    head->tag = 0;
    std::free(head);
}

void operator delete(void *block, std::size_t) noexcept
{
    operator delete(block);
}

#ifdef STRING
using Taken = std::string;

static void fill(std::string &text)
{
    for (int i = 0; i < 1000; i++)
        text.append("twelve bytes");
    text.insert(std::size_t(0), std::string(5000, '-'));
}
#else
struct Taken {
    char bytes[861 - sizeof(Head)];
};

static void fill(Taken &) {}
#endif

extern "C" void *take()
{
    Taken *taken = new Taken;
    fill(*taken);
    return taken;
}

extern "C" void drop(void *taken)
{
    delete static_cast<Taken *>(taken);
}
