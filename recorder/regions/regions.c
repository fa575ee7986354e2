/* Memory that the program has the kernel map for it, told to the hook: a library of its own, preloaded behind the hook
 * where that was asked for, so that nothing of this is in the way where it was not.
 *
 * What the C library maps by itself, for malloc and for stacks of threads, does not pass through here. Other allocators
 * and the program do. As everywhere a release is told before the real call, and what is taken after it: see
 * formats/SPEC.md, "Ownership order".
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "allocreplay_ops.h"

#define AR_EXPORT __attribute__((visibility("default")))

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* The hook's: core/record.c. Not there where the hook could not be loaded. */
extern void allocreplay_region(enum ar_op op, const void *address, size_t size, const void *caller)
    __attribute__((weak));

/* The hook's too: core/stack.c. */
extern void allocreplay_beside(const void *from, const void *to) __attribute__((weak));

/* The C library's, which knows where its heap ends; musl has none, and moves nothing. */
extern void *__sbrk(intptr_t increment) __attribute__((weak));

#define TELL(op, address, size)                                                                                        \
    (allocreplay_region ? allocreplay_region(op, address, size, __builtin_return_address(0)) : (void)0)

static size_t whole_pages(size_t length)
{
    const size_t page = getauxval(AT_PAGESZ);
    return (length + page - 1) & ~(page - 1);
}

/* Where our code is. */
__attribute__((constructor)) static void begin(void)
{
    extern const char __ehdr_start[] __attribute__((visibility("hidden")));
    extern const char _end[] __attribute__((visibility("hidden")));
    if (allocreplay_beside)
        allocreplay_beside(__ehdr_start, _end);
}

AR_EXPORT void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset)
{
    void *map = (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
    if (map == MAP_FAILED)
        return map;
    if (flags & MAP_ANONYMOUS)
        TELL(AR_MMAP, map, whole_pages(length));
    else if (flags & MAP_FIXED)
        TELL(AR_MUNMAP, map, whole_pages(length)); /* what was there gives way to a file */
    return map;
}

#ifndef mmap64 /* musl has one function, and a macro for the other name */
AR_EXPORT void *mmap64(void *address, size_t length, int protection, int flags, int file, off_t offset)
    __attribute__((alias("mmap")));
#endif

/* It is told of before it is done, as the addresses may be another thread's when it is: so not where it will fail.
 * Nobody has addresses on both sides of the half of them that every processor has. */
static int can_unmap(uintptr_t address, size_t length)
{
    const uintptr_t half = (uintptr_t)1 << 47, end = address + whole_pages(length);
    return address % getauxval(AT_PAGESZ) == 0 && length > 0 && end > address && !(address < half && end > half);
}

AR_EXPORT int munmap(void *address, size_t length)
{
    if (can_unmap((uintptr_t)address, length))
        TELL(AR_MUNMAP, address, whole_pages(length));
    return (int)syscall(SYS_munmap, address, length);
}

AR_EXPORT void *mremap(void *old, size_t old_length, size_t length, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    void *fixed = flags & MREMAP_FIXED ? va_arg(arguments, void *) : NULL;
    va_end(arguments);
    const int stays = old_length == 0 || flags & MREMAP_DONTUNMAP;
    if (!stays)
        TELL(AR_MREMAP_BEGIN, old, whole_pages(old_length));
    void *map = (void *)syscall(SYS_mremap, old, old_length, length, flags, fixed);
    if (!stays)
        TELL(AR_MREMAP_END, map == MAP_FAILED ? NULL : map, whole_pages(length));
    else if (map != MAP_FAILED)
        TELL(AR_MMAP, map, whole_pages(length));
    return map;
}

static void *move_break(intptr_t increment, const void *caller)
{
    if (!__sbrk) {
        if (increment == 0)
            return (void *)syscall(SYS_brk, 0);
        errno = ENOMEM;
        return (void *)-1;
    }
    /* Told of when it is done, be it less, as no other mapping comes to be there by itself: the C library says that all
     * is well where the kernel has moved nothing. */
    char *old = __sbrk(increment), *now = old != (void *)-1 && increment != 0 ? __sbrk(0) : old;
    if (now < old && allocreplay_region)
        allocreplay_region(AR_MUNMAP, now, (size_t)(old - now), caller);
    if (now > old && allocreplay_region)
        allocreplay_region(AR_BRK, old, (size_t)(now - old), caller);
    return old;
}

AR_EXPORT void *sbrk(intptr_t increment)
{
    return move_break(increment, __builtin_return_address(0));
}

AR_EXPORT int brk(void *end)
{
    char *now = move_break(0, __builtin_return_address(0));
    if (now == (void *)-1)
        return -1;
    return move_break((char *)end - now, __builtin_return_address(0)) == (void *)-1 ? -1 : 0;
}
