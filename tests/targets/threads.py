"""Four threads of Python, each with objects of its own and some that it hands to the next.

With PYTHONMALLOC=malloc every object is a block of the C library's.
"""

import queue
import threading

THREADS, ROUNDS = 4, 300
barrier = threading.Barrier(THREADS)
mailboxes = [queue.Queue() for _ in range(THREADS)]


def work(number):
    kept = []
    for i in range(ROUNDS):
        kept.append(bytearray(100 + (i * 37 + number) % 5000))
        if i % 3 == 0:
            mailboxes[(number + 1) % THREADS].put(bytearray(2000 + i))
        if i % 4 == 0 and not mailboxes[number].empty():
            mailboxes[number].get()
        if i % 5 == 0:
            barrier.wait()
        if len(kept) > 20:
            del kept[:10]


threads = [threading.Thread(target=work, args=(n,), name=f"worker-{n}") for n in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
