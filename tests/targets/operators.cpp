// Every form of operator new and delete, a known number of times, from the program and from a thread.
#include <cstdint>
#include <new>
#include <thread>

static void round()
{
    const auto aligned = std::align_val_t(64);
    void *volatile p;
    p = ::operator new(24);                              ::operator delete(p);
    p = ::operator new[](24);                            ::operator delete[](p);
    p = ::operator new(24, std::nothrow);                ::operator delete(p, std::nothrow);
    p = ::operator new[](24, std::nothrow);              ::operator delete[](p, std::nothrow);
    p = ::operator new(24);                              ::operator delete(p, std::size_t(24));
    p = ::operator new[](24);                            ::operator delete[](p, std::size_t(24));
    p = ::operator new(128, aligned);                    ::operator delete(p, aligned);
    p = ::operator new[](128, aligned);                  ::operator delete[](p, aligned);
    p = ::operator new(128, aligned, std::nothrow);      ::operator delete(p, aligned, std::nothrow);
    p = ::operator new[](128, aligned, std::nothrow);    ::operator delete[](p, aligned, std::nothrow);
    p = ::operator new(128, aligned);                    ::operator delete(p, std::size_t(128), aligned);
    p = ::operator new[](128, aligned);                  ::operator delete[](p, std::size_t(128), aligned);
}

int main(int argc, char **)
{
    for (int i = 0; i < 50; i++)
        round();
    if (argc > 1) {
        try {
            void *volatile p = ::operator new(PTRDIFF_MAX);
            ::operator delete(p);
            return 1;
        } catch (const std::bad_alloc &) {
        }
    }
    std::thread thread([] {
        for (int i = 0; i < 50; i++)
            round();
    });
    thread.join();
    return 0;
}
