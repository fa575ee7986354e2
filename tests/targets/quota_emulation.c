/* Stands in for a disk quota where the kernel has none: runs a program, and one of its system calls fails with EDQUOT,
 * by a seccomp filter, at once and for good. What it is not: a quota that is met half way through a write.
 *
 *   quota_emulation mkdir | header | tails | events PROGRAM ARGUMENT...
 *
 * mkdir, header, tails, events: creating the recording's directory, writing its header (4096 bytes), reserving tails
 * (fallocate), writing a chunk (more than 1024 bytes, and not 4096).
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define ABOVE(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, yes, no)
#define PASS BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define FAIL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDQUOT)

int main(int argc, char **argv)
{
    struct sock_filter mkdir[] = {LOAD(nr), IS(SYS_mkdirat, 0, 1), FAIL, PASS};
    struct sock_filter tails[] = {LOAD(nr), IS(SYS_fallocate, 0, 1), FAIL, PASS};
    /* args[2] is the length; little-endian, so its low half comes first. */
    struct sock_filter header[] = {LOAD(nr), IS(SYS_write, 0, 3), LOAD(args[2]), IS(4096, 0, 1), FAIL, PASS};
    struct sock_filter events[] = {
        LOAD(nr), IS(SYS_write, 0, 4), LOAD(args[2]), IS(4096, 2, 0), ABOVE(1024, 0, 1), FAIL, PASS};
    const struct {
        const char *name;
        struct sock_fprog program;
    } filters[] = {
        {"mkdir", {sizeof mkdir / sizeof *mkdir, mkdir}},
        {"header", {sizeof header / sizeof *header, header}},
        {"tails", {sizeof tails / sizeof *tails, tails}},
        {"events", {sizeof events / sizeof *events, events}},
    };
    for (size_t i = 0; argc > 2 && i < sizeof filters / sizeof *filters; i++) {
        if (strcmp(argv[1], filters[i].name) != 0)
            continue;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filters[i].program))
            return 77;
        execvp(argv[2], argv + 2);
    }
    return 1;
}
