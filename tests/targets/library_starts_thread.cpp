// A library that, while the loader initialises it, starts a thread that uses operator new, and waits for it.
#include <memory>
#include <thread>

static const bool initialised = [] {
    std::thread thread([] {
        char *volatile bytes = new char[811];
        delete[] bytes;
        long *volatile longs = new long[100];
        std::unique_ptr<long[]> owner(longs);
    });
    thread.join();
    return true;
}();

extern "C" void *take()
{
    return initialised ? new char[812] : nullptr;
}

extern "C" void drop(void *taken)
{
    delete[] static_cast<char *>(taken);
}
