/* Threads allocate and free without a pause, and each counts its calls in a file that outlives it: `begun` before the
 * n-th malloc, `completed` after it. The n-th block of a thread has 1 + n % 60000 bytes.
 *
 *   crash_witness FILE THREADS
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct counter {
    _Alignas(64) atomic_ulong tid;
    atomic_ulong begun;
    atomic_ulong completed;
};

static void *work(void *argument)
{
    struct counter *c = argument;
    atomic_store(&c->tid, (unsigned long)syscall(SYS_gettid));
    for (unsigned long n = 1;; n++) {
        atomic_store_explicit(&c->begun, n, memory_order_release);
        void *volatile block = malloc(1 + n % 60000);
        atomic_store_explicit(&c->completed, n, memory_order_release);
        free(block);
    }
}

int main(int argc, char **argv)
{
    int fd = open(argv[1], O_RDWR | O_CREAT, 0600);
    int count = argc > 2 ? atoi(argv[2]) : 4;
    if (ftruncate(fd, 4096))
        return 1;
    struct counter *counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counters == MAP_FAILED)
        return 1;
    pthread_t thread;
    for (int i = 1; i < count; i++)
        if (pthread_create(&thread, NULL, work, &counters[i]))
            return 1;
    work(&counters[0]);
}
