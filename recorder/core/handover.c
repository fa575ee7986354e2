/* The arena is a file of the recorder's own /dev/shm, which in a container is another than ours, and only its user may
 * open it. So it is not opened here: the recorder listens at a socket beside the library, where we can see it, and
 * sends the descriptor. We only receive: nothing here raises SIGPIPE. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>

#include "system.h"

/* In seconds, as the loader's lock is ours meanwhile. A recorder that was killed has closed its end, and is not waited
 * for; one that is stopped, or has no processor, is. */
enum { PATIENCE = 5 };

#define STANDARD 3 /* descriptors */

/* A program that has closed one of these may write there all the same, while we are here: not to what we open. */
static void occupy(long taken[STANDARD])
{
    for (int i = 0; i < STANDARD; i++) {
        taken[i] = -1;
        if (ar_sys(SYS_fcntl, i, F_GETFD) == -EBADF)
            taken[i] = ar_sys(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
    }
}

static void release(const long taken[STANDARD])
{
    for (int i = 0; i < STANDARD; i++)
        if (taken[i] >= 0)
            ar_sys(SYS_close, taken[i]);
}

static long receive(long from)
{
    char byte;
    int descriptor = -1;
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(sizeof descriptor)];
    } control = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    const long n = ar_sys(SYS_recvmsg, from, &message, MSG_CMSG_CLOEXEC);
    if (n <= 0)
        return n == 0 ? -ECONNRESET : n;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof descriptor))
        return message.msg_flags & MSG_CTRUNC ? -EMFILE : -EPROTO;
    memcpy(&descriptor, CMSG_DATA(c), sizeof descriptor);
    return descriptor;
}

/* A signal of the program's is no end: a wait with a time-out is not begun again by the kernel. */
static long ask(long from, const struct sockaddr_un *name)
{
    const struct timeval patience = {.tv_sec = PATIENCE};
    const uint64_t end = ar_monotonic_ns() + PATIENCE * 1000000000ull;
    long result = ar_sys(SYS_setsockopt, from, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (result == 0)
        result = ar_sys(SYS_setsockopt, from, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* of connect */
    if (result < 0)
        return result;
    do
        result = ar_sys(SYS_connect, from, name, sizeof *name);
    while (result == -EINTR && ar_monotonic_ns() < end);
    if (result < 0)
        return result;
    do
        result = receive(from);
    while (result == -EINTR && ar_monotonic_ns() < end);
    return result;
}

long ar_handed_over(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    long taken[STANDARD];
    const size_t length = strlen(path);
    if (length >= sizeof name.sun_path)
        return -ENAMETOOLONG;
    memcpy(name.sun_path, path, length);
    occupy(taken);
    long from = ar_sys(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result = from;
    if (from >= 0) {
        result = ask(from, &name);
        ar_sys(SYS_close, from);
    }
    release(taken);
    return result == -EAGAIN ? -ETIMEDOUT : result;
}
