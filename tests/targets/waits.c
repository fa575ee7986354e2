/* Waits again and again in one system call, the one that is named, and looks whether each has been what it should:
 * no error, not too short. Ends with 0 at the end of its input; 1: a wait was too short; 2: it failed. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000L
#define WAIT (60 * MS)

static int timer, epoll, semaphore_word;
static sem_t semaphore;

static int64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000 * MS + t.tv_nsec;
}

static struct timespec at(int64_t ns)
{
    return (struct timespec){ns / (1000 * MS), ns % (1000 * MS)};
}

static void arm(void)
{
    timerfd_settime(timer, 0, &(struct itimerspec){.it_value = at(WAIT)}, NULL);
}

/* Whether it returned what it should. */
static int wait_in(const char *what)
{
    struct timespec t = at(WAIT);
    struct epoll_event event;
    uint64_t times = 0;
    if (strcmp(what, "nanosleep") == 0)
        return nanosleep(&t, NULL) == 0; /* sleeps: that is what is looked at */
    if (strcmp(what, "absolute") == 0) {
        t = at(now(CLOCK_MONOTONIC) + WAIT);
        return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0;
    }
    if (strcmp(what, "futex") == 0)
        return syscall(SYS_futex, &semaphore_word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0) == -1 && errno == ETIMEDOUT;
    if (strcmp(what, "semaphore") == 0) {
        t = at(now(CLOCK_REALTIME) + WAIT);
        return sem_timedwait(&semaphore, &t) == -1 && errno == ETIMEDOUT;
    }
    if (strcmp(what, "poll") == 0)
        return poll(NULL, 0, WAIT / MS) == 0;
    if (strcmp(what, "ppoll") == 0)
        return ppoll(NULL, 0, &t, NULL) == 0;
    if (strcmp(what, "select") == 0)
        return select(0, NULL, NULL, NULL, &(struct timeval){0, WAIT / 1000}) == 0;
    if (strcmp(what, "epoll") == 0)
        return epoll_wait(epoll, &event, 1, WAIT / MS) == 0;
    arm();
    if (strcmp(what, "epoll_event") == 0)
        return epoll_wait(epoll, &event, 1, -1) == 1 && read(timer, &times, sizeof times) == sizeof times && times == 1;
    return read(timer, &times, sizeof times) == sizeof times && times == 1;
}

int main(int count, char **arguments)
{
    struct pollfd input = {0, POLLIN, 0};
    const char *what = count > 1 ? arguments[1] : "nanosleep";
    sem_init(&semaphore, 0, 0);
    timer = timerfd_create(CLOCK_MONOTONIC, 0);
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN});
    if (write(1, "waits\n", 6) != 6)
        return 3;
    while (poll(&input, 1, 0) == 0) {
        const int64_t began = now(CLOCK_MONOTONIC);
        if (!wait_in(what)) {
            perror(what);
            return 2;
        }
        if (now(CLOCK_MONOTONIC) - began < WAIT - 2 * MS)
            return 1;
    }
    return 0;
}
