/* Every interposed function of allocation, listed once (X-macro). Those of threads are in core/real_thread.h.
 *
 *   X(return type, name, parameters, arguments)
 */
#ifndef ALLOCREPLAY_INTERPOSED_H
#define ALLOCREPLAY_INTERPOSED_H

#define AR_ACQUIRING_FUNCTIONS(X)                                                                                      \
    X(void *, malloc, (size_t size), (size))                                                                           \
    X(void *, calloc, (size_t count, size_t size), (count, size))                                                      \
    X(void *, realloc, (void *old, size_t size), (old, size))                                                          \
    X(void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size))                                \
    X(int, posix_memalign, (void **result, size_t alignment, size_t size), (result, alignment, size))                  \
    X(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size))                                       \
    X(void *, memalign, (size_t alignment, size_t size), (alignment, size))                                            \
    X(void *, valloc, (size_t size), (size))                                                                           \
    X(void *, pvalloc, (size_t size), (size))

#define AR_RELEASING_FUNCTIONS(X)                                                                                      \
    X(void, free, (void *block), (block))                                                                              \
    X(void, free_sized, (void *block, size_t size), (block, size))                                                     \
    X(void, free_aligned_sized, (void *block, size_t alignment, size_t size), (block, alignment, size))

#define AR_C_FUNCTIONS(X)                                                                                              \
    AR_ACQUIRING_FUNCTIONS(X)                                                                                          \
    AR_RELEASING_FUNCTIONS(X)                                                                                          \
    X(size_t, malloc_usable_size, (void *block), (block))

/* Operator new and delete, by mangled name (Itanium ABI, size_t is unsigned long).
 *
 *   X(op, mangled name, parameters, arguments, alignment or 0)
 */
#define AR_NEW_FUNCTIONS(X)                                                                                            \
    X(NEW, _Znwm, (size_t size), (size), 0)                                                                            \
    X(NEW_ARRAY, _Znam, (size_t size), (size), 0)                                                                      \
    X(NEW_ALIGNED, _ZnwmSt11align_val_t, (size_t size, size_t alignment), (size, alignment), alignment)                \
    X(NEW_ARRAY_ALIGNED, _ZnamSt11align_val_t, (size_t size, size_t alignment), (size, alignment), alignment)          \
    X(NEW_NOTHROW, _ZnwmRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), 0)                                \
    X(NEW_ARRAY_NOTHROW, _ZnamRKSt9nothrow_t, (size_t size, const void *tag), (size, tag), 0)                          \
    X(NEW_ALIGNED_NOTHROW, _ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, const void *tag),       \
      (size, alignment, tag), alignment)                                                                               \
    X(NEW_ARRAY_ALIGNED_NOTHROW, _ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, const void *tag), \
      (size, alignment, tag), alignment)

/*   X(op, mangled name, parameters, arguments, size or 0, alignment or 0) */
#define AR_DELETE_FUNCTIONS(X)                                                                                         \
    X(DELETE, _ZdlPv, (void *block), (block), 0, 0)                                                                    \
    X(DELETE_ARRAY, _ZdaPv, (void *block), (block), 0, 0)                                                              \
    X(DELETE_NOTHROW, _ZdlPvRKSt9nothrow_t, (void *block, const void *tag), (block, tag), 0, 0)                        \
    X(DELETE_ARRAY_NOTHROW, _ZdaPvRKSt9nothrow_t, (void *block, const void *tag), (block, tag), 0, 0)                  \
    X(DELETE_SIZED, _ZdlPvm, (void *block, size_t size), (block, size), size, 0)                                       \
    X(DELETE_ARRAY_SIZED, _ZdaPvm, (void *block, size_t size), (block, size), size, 0)                                 \
    X(DELETE_ALIGNED, _ZdlPvSt11align_val_t, (void *block, size_t alignment), (block, alignment), 0, alignment)        \
    X(DELETE_ARRAY_ALIGNED, _ZdaPvSt11align_val_t, (void *block, size_t alignment), (block, alignment), 0, alignment)  \
    X(DELETE_ALIGNED_NOTHROW, _ZdlPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t alignment, const void *tag),   \
      (block, alignment, tag), 0, alignment)                                                                           \
    X(DELETE_ARRAY_ALIGNED_NOTHROW, _ZdaPvSt11align_val_tRKSt9nothrow_t,                                               \
      (void *block, size_t alignment, const void *tag), (block, alignment, tag), 0, alignment)                         \
    X(DELETE_SIZED_ALIGNED, _ZdlPvmSt11align_val_t, (void *block, size_t size, size_t alignment),                      \
      (block, size, alignment), size, alignment)                                                                       \
    X(DELETE_ARRAY_SIZED_ALIGNED, _ZdaPvmSt11align_val_t, (void *block, size_t size, size_t alignment),                \
      (block, size, alignment), size, alignment)

#define AR_OPERATOR_FUNCTIONS(X) AR_NEW_FUNCTIONS(X) AR_DELETE_FUNCTIONS(X)

#endif
