/* A thread receives from a socket that has a time-out, which the kernel does not begin again where it was interrupted.
 * The other, who never waits in a system call, closes the socket at the end of the input. Ends with 0 if that is what
 * the thread saw. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int ends[2];

static void *receive(void *unused)
{
    char c;
    (void)unused;
    return recv(ends[0], &c, 1, 0) == 0 ? NULL : ends;
}

int main(void)
{
    struct pollfd input = {0, POLLIN, 0};
    pthread_t receiver;
    void *wrong;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 ||
        setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){600, 0}, sizeof(struct timeval)) != 0 ||
        pthread_create(&receiver, NULL, receive, NULL) != 0 || write(1, "runs\n", 5) != 5)
        return 3;
    while (poll(&input, 1, 0) == 0)
        sched_yield();
    close(ends[1]);
    pthread_join(receiver, &wrong);
    return wrong ? 2 : 0;
}
