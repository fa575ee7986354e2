/* Text without stdio. */
#include <errno.h>
#include <sys/syscall.h>

#include "system.h"

char *ar_put_text(char *at, char *end, const char *text)
{
    while (*text && at < end - 1)
        *at++ = *text++;
    *at = 0;
    return at;
}

char *ar_put_number(char *at, char *end, uint64_t n)
{
    char digits[21], *d = digits + 20;
    *d = 0;
    do
        *--d = (char)('0' + n % 10);
    while (n /= 10);
    return ar_put_text(at, end, d);
}

static const char *error_name(int error)
{
    switch (error) {
    case ENOSPC:
        return "no space left on the device";
    case EDQUOT:
        return "disk quota exceeded";
    case EFBIG:
        return "file size limit reached";
    case EACCES:
        return "permission denied";
    case EPERM:
        return "operation not permitted";
    case EROFS:
        return "read-only file system";
    case ENOENT:
        return "no such directory";
    case ENOTDIR:
        return "not a directory";
    case EMFILE:
    case ENFILE:
        return "out of file descriptors";
    case ENOMEM:
        return "out of memory";
    case EIO:
        return "input/output error";
    default:
        return NULL;
    }
}

void ar_say(const char *what, int error, const char *where)
{
    char line[AR_PATH_MAX + 256], *end = line + sizeof line;
    char *at = ar_put_text(line, end, "allocreplay: pid ");
    at = ar_put_number(at, end, (uint64_t)ar_sys(SYS_getpid));
    at = ar_put_text(at, end, " is not recorded any further: ");
    at = ar_put_text(at, end, what);
    if (error) {
        at = ar_put_text(at, end, ": ");
        if (error_name(error))
            at = ar_put_text(at, end, error_name(error));
        else
            at = ar_put_number(ar_put_text(at, end, "errno "), end, (uint64_t)error);
    }
    if (where[0])
        at = ar_put_text(ar_put_text(ar_put_text(at, end, " ("), end, where), end, ")");
    at = ar_put_text(at, end, "\n");
    ar_sys(SYS_write, 2, line, at - line);
}
