/* Every event kind of the recording format, listed once (X-macro).
 *
 *   AR_OP(code, NAME, fields)
 *
 * `code` is the number on the wire and must stay below 64. `fields` is the set of fields that follow, always in the
 * order of the AR_FIELD_* bits. CallKind in formats/Calls/CallKind.cs mirrors this list; a test compares the two.
 */
#ifndef ALLOCREPLAY_OPS_H
#define ALLOCREPLAY_OPS_H

#define AR_FIELD_ADDRESS 1u   /* block acquired or released: as the delta to the previous address of the chunk */
#define AR_FIELD_SIZE 2u      /* bytes requested (of one element when COUNT is present) */
#define AR_FIELD_COUNT 4u     /* elements requested */
#define AR_FIELD_ALIGNMENT 8u /* alignment requested, in bytes */
#define AR_FIELD_THREAD 16u   /* index of another thread, plus one; 0 when unknown */

/* Those that not every recording has: each by a flag of the process. */
#define AR_FIELD_DURATION 32u    /* ticks, shifted, that the real call took */
#define AR_FIELD_STACK 64u       /* of what acquires: where it was called */
#define AR_FIELD_FREE_STACK 128u /* of what releases */

#define AR_CALL (AR_FIELD_ADDRESS | AR_FIELD_DURATION)
#define AR_TAKES (AR_CALL | AR_FIELD_STACK)
#define AR_ACQUIRE (AR_TAKES | AR_FIELD_SIZE)
#define AR_RELEASE (AR_CALL | AR_FIELD_FREE_STACK)
#define AR_GIVES_MAP (AR_FIELD_ADDRESS | AR_FIELD_SIZE)
#define AR_TAKES_MAP (AR_GIVES_MAP | AR_FIELD_STACK)

#define AR_OPS(AR_OP)                                                                                                  \
    /* The three kinds that have a short form. */                                                                      \
    AR_OP(0, FREE, AR_RELEASE)                                                                                         \
    AR_OP(1, MALLOC, AR_ACQUIRE)                                                                                       \
    AR_OP(2, CALLOC, AR_ACQUIRE | AR_FIELD_COUNT)                                                                      \
    /* 3 is the escape to the long form. Reallocation is stamped twice: see SPEC.md, "Ownership order". */             \
    AR_OP(4, REALLOC_BEGIN, AR_CALL | AR_FIELD_SIZE)                                                                   \
    AR_OP(5, REALLOC_END, AR_TAKES)                                                                                    \
    AR_OP(6, REALLOCARRAY_BEGIN, AR_CALL | AR_FIELD_SIZE | AR_FIELD_COUNT)                                             \
    AR_OP(7, REALLOCARRAY_END, AR_TAKES)                                                                               \
    AR_OP(8, POSIX_MEMALIGN, AR_ACQUIRE | AR_FIELD_ALIGNMENT)                                                          \
    AR_OP(9, ALIGNED_ALLOC, AR_ACQUIRE | AR_FIELD_ALIGNMENT)                                                           \
    AR_OP(10, MEMALIGN, AR_ACQUIRE | AR_FIELD_ALIGNMENT)                                                               \
    AR_OP(11, VALLOC, AR_ACQUIRE)                                                                                      \
    AR_OP(12, PVALLOC, AR_ACQUIRE)                                                                                     \
    AR_OP(13, FREE_SIZED, AR_RELEASE | AR_FIELD_SIZE)                                                                  \
    AR_OP(14, FREE_ALIGNED_SIZED, AR_RELEASE | AR_FIELD_SIZE | AR_FIELD_ALIGNMENT)                                     \
    AR_OP(16, NEW, AR_ACQUIRE)                                                                                         \
    AR_OP(17, NEW_ARRAY, AR_ACQUIRE)                                                                                   \
    AR_OP(18, NEW_NOTHROW, AR_ACQUIRE)                                                                                 \
    AR_OP(19, NEW_ARRAY_NOTHROW, AR_ACQUIRE)                                                                           \
    AR_OP(20, NEW_ALIGNED, AR_ACQUIRE | AR_FIELD_ALIGNMENT)                                                            \
    AR_OP(21, NEW_ARRAY_ALIGNED, AR_ACQUIRE | AR_FIELD_ALIGNMENT)                                                      \
    AR_OP(22, NEW_ALIGNED_NOTHROW, AR_ACQUIRE | AR_FIELD_ALIGNMENT)                                                    \
    AR_OP(23, NEW_ARRAY_ALIGNED_NOTHROW, AR_ACQUIRE | AR_FIELD_ALIGNMENT)                                              \
    AR_OP(24, DELETE, AR_RELEASE)                                                                                      \
    AR_OP(25, DELETE_ARRAY, AR_RELEASE)                                                                                \
    AR_OP(26, DELETE_NOTHROW, AR_RELEASE)                                                                              \
    AR_OP(27, DELETE_ARRAY_NOTHROW, AR_RELEASE)                                                                        \
    AR_OP(28, DELETE_SIZED, AR_RELEASE | AR_FIELD_SIZE)                                                                \
    AR_OP(29, DELETE_ARRAY_SIZED, AR_RELEASE | AR_FIELD_SIZE)                                                          \
    AR_OP(30, DELETE_ALIGNED, AR_RELEASE | AR_FIELD_ALIGNMENT)                                                         \
    AR_OP(31, DELETE_ARRAY_ALIGNED, AR_RELEASE | AR_FIELD_ALIGNMENT)                                                   \
    AR_OP(32, DELETE_ALIGNED_NOTHROW, AR_RELEASE | AR_FIELD_ALIGNMENT)                                                 \
    AR_OP(33, DELETE_ARRAY_ALIGNED_NOTHROW, AR_RELEASE | AR_FIELD_ALIGNMENT)                                           \
    AR_OP(34, DELETE_SIZED_ALIGNED, AR_RELEASE | AR_FIELD_SIZE | AR_FIELD_ALIGNMENT)                                   \
    AR_OP(35, DELETE_ARRAY_SIZED_ALIGNED, AR_RELEASE | AR_FIELD_SIZE | AR_FIELD_ALIGNMENT)                             \
    /* Thread lifecycle. */                                                                                            \
    AR_OP(40, THREAD_START, AR_FIELD_THREAD)  /* by the new thread; names its parent */                                \
    AR_OP(41, THREAD_CREATE, AR_FIELD_THREAD) /* by the parent, before the child can run; names the child */           \
    AR_OP(42, THREAD_EXIT, 0)                                                                                          \
    AR_OP(43, GAP, AR_FIELD_COUNT) /* so many calls of this thread were not recorded before its next event */          \
    /* Memory that the kernel maps, where that was asked for. No blocks of the allocator. */                           \
    AR_OP(44, MMAP, AR_TAKES_MAP)                                                                                      \
    AR_OP(45, MUNMAP, AR_GIVES_MAP)                                                                                    \
    AR_OP(46, MREMAP_BEGIN, AR_GIVES_MAP)                                                                              \
    AR_OP(47, MREMAP_END, AR_TAKES_MAP)                                                                                \
    AR_OP(48, BRK, AR_TAKES_MAP)

enum ar_op {
#define AR_OP_ENUM(code, name, fields) AR_##name = code,
    AR_OPS(AR_OP_ENUM)
#undef AR_OP_ENUM
};

#endif
