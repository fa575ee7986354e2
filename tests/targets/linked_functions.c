/* An executable with functions of allocators linked in, under the names that they have, which take five numbers each
 * and call none other. Each is called, and what a recording of it is to hold is written, a line each, in that order:
 * "kind size count alignment". With -DSTANDARD the C functions and the operators are here too. */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define FIVE uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e

#define ALLOCATORS                                                                                                     \
    RETURNS(je_malloc, 101, 0, 0, 0, 0, "Malloc 101 1 0")                                                              \
    RETURNS(je_calloc, 7, 102, 0, 0, 0, "Calloc 102 7 0")                                                              \
    RETURNS(je_realloc, block, 103, 0, 0, 0, "ReallocBegin 103 1 0")                                                   \
    RETURNS(je_reallocarray, block, 8, 104, 0, 0, "ReallocArrayBegin 104 8 0")                                         \
    STORES(je_posix_memalign)                                                                                          \
    RETURNS(je_aligned_alloc, 64, 105, 0, 0, 0, "AlignedAlloc 105 1 64")                                               \
    RETURNS(je_memalign, 128, 106, 0, 0, 0, "Memalign 106 1 128")                                                      \
    RETURNS(je_valloc, 107, 0, 0, 0, 0, "Valloc 107 1 0")                                                              \
    RETURNS(je_pvalloc, 108, 0, 0, 0, 0, "Pvalloc 108 1 0")                                                            \
    RETURNS(je_free, block, 0, 0, 0, 0, "Free 0 1 0")                                                                  \
    RETURNS(je_free_sized, block, 109, 0, 0, 0, "FreeSized 109 1 0")                                                   \
    RETURNS(je_cfree, block, 0, 0, 0, 0, "Free 0 1 0")                                                                 \
    RETURNS(je_mallocx, 201, 0, 0, 0, 0, "Malloc 201 1 0")                                                             \
    AGAIN(je_mallocx, 202, 6, 0, 0, 0, "Memalign 202 1 64")                                                            \
    RETURNS(je_rallocx, block, 203, 0, 0, 0, "ReallocBegin 203 1 0")                                                   \
    RETURNS(je_dallocx, block, 0, 0, 0, 0, "Free 0 1 0")                                                               \
    RETURNS(je_sdallocx, block, 204, 0, 0, 0, "FreeSized 204 1 0")                                                     \
    RETURNS(_rjem_malloc, 101, 0, 0, 0, 0, "Malloc 101 1 0")                                                           \
    RETURNS(_rjem_calloc, 7, 102, 0, 0, 0, "Calloc 102 7 0")                                                           \
    RETURNS(_rjem_realloc, block, 103, 0, 0, 0, "ReallocBegin 103 1 0")                                                \
    RETURNS(_rjem_reallocarray, block, 8, 104, 0, 0, "ReallocArrayBegin 104 8 0")                                      \
    STORES(_rjem_posix_memalign)                                                                                       \
    RETURNS(_rjem_aligned_alloc, 64, 105, 0, 0, 0, "AlignedAlloc 105 1 64")                                            \
    RETURNS(_rjem_memalign, 128, 106, 0, 0, 0, "Memalign 106 1 128")                                                   \
    RETURNS(_rjem_valloc, 107, 0, 0, 0, 0, "Valloc 107 1 0")                                                           \
    RETURNS(_rjem_pvalloc, 108, 0, 0, 0, 0, "Pvalloc 108 1 0")                                                         \
    RETURNS(_rjem_free, block, 0, 0, 0, 0, "Free 0 1 0")                                                               \
    RETURNS(_rjem_free_sized, block, 109, 0, 0, 0, "FreeSized 109 1 0")                                                \
    RETURNS(_rjem_cfree, block, 0, 0, 0, 0, "Free 0 1 0")                                                              \
    RETURNS(_rjem_mallocx, 201, 0, 0, 0, 0, "Malloc 201 1 0")                                                          \
    AGAIN(_rjem_mallocx, 202, 6, 0, 0, 0, "Memalign 202 1 64")                                                         \
    RETURNS(_rjem_rallocx, block, 203, 0, 0, 0, "ReallocBegin 203 1 0")                                                \
    RETURNS(_rjem_dallocx, block, 0, 0, 0, 0, "Free 0 1 0")                                                            \
    RETURNS(_rjem_sdallocx, block, 204, 0, 0, 0, "FreeSized 204 1 0")                                                  \
    RETURNS(mallocx, 201, 0, 0, 0, 0, "Malloc 201 1 0")                                                                \
    AGAIN(mallocx, 202, 6, 0, 0, 0, "Memalign 202 1 64")                                                               \
    RETURNS(rallocx, block, 203, 0, 0, 0, "ReallocBegin 203 1 0")                                                      \
    RETURNS(dallocx, block, 0, 0, 0, 0, "Free 0 1 0")                                                                  \
    RETURNS(sdallocx, block, 204, 0, 0, 0, "FreeSized 204 1 0")                                                        \
    RETURNS(mi_malloc, 101, 0, 0, 0, 0, "Malloc 101 1 0")                                                              \
    RETURNS(mi_calloc, 7, 102, 0, 0, 0, "Calloc 102 7 0")                                                              \
    RETURNS(mi_realloc, block, 103, 0, 0, 0, "ReallocBegin 103 1 0")                                                   \
    RETURNS(mi_reallocarray, block, 8, 104, 0, 0, "ReallocArrayBegin 104 8 0")                                         \
    STORES(mi_posix_memalign)                                                                                          \
    RETURNS(mi_aligned_alloc, 64, 105, 0, 0, 0, "AlignedAlloc 105 1 64")                                               \
    RETURNS(mi_memalign, 128, 106, 0, 0, 0, "Memalign 106 1 128")                                                      \
    RETURNS(mi_valloc, 107, 0, 0, 0, 0, "Valloc 107 1 0")                                                              \
    RETURNS(mi_pvalloc, 108, 0, 0, 0, 0, "Pvalloc 108 1 0")                                                            \
    RETURNS(mi_free, block, 0, 0, 0, 0, "Free 0 1 0")                                                                  \
    RETURNS(mi_free_sized, block, 109, 0, 0, 0, "FreeSized 109 1 0")                                                   \
    RETURNS(mi_cfree, block, 0, 0, 0, 0, "Free 0 1 0")                                                                 \
    RETURNS(mi_zalloc, 301, 0, 0, 0, 0, "Calloc 301 1 0")                                                              \
    RETURNS(mi_mallocn, 5, 302, 0, 0, 0, "Malloc 1510 1 0")                                                            \
    RETURNS(mi_malloc_small, 303, 0, 0, 0, 0, "Malloc 303 1 0")                                                        \
    RETURNS(mi_zalloc_small, 304, 0, 0, 0, 0, "Calloc 304 1 0")                                                        \
    RETURNS(mi_malloc_aligned, 305, 8, 0, 0, 0, "Malloc 305 1 0")                                                      \
    AGAIN(mi_malloc_aligned, 306, 64, 0, 0, 0, "Memalign 306 1 64")                                                    \
    RETURNS(mi_malloc_aligned_at, 307, 64, 8, 0, 0, "Memalign 307 1 64")                                               \
    RETURNS(mi_zalloc_aligned, 308, 16, 0, 0, 0, "Calloc 308 1 0")                                                     \
    RETURNS(mi_zalloc_aligned_at, 309, 32, 8, 0, 0, "Memalign 309 1 32")                                               \
    RETURNS(mi_calloc_aligned, 3, 310, 16, 0, 0, "Calloc 310 3 0")                                                     \
    RETURNS(mi_calloc_aligned_at, 3, 311, 16, 8, 0, "Calloc 311 3 0")                                                  \
    RETURNS(mi_strdup, (uintptr_t) "x", 9, 0, 0, 0, "Malloc 5 1 0")                                                    \
    RETURNS(mi_strndup, (uintptr_t) "x", 9, 0, 0, 0, "Malloc 5 1 0")                                                   \
    RETURNS(mi_realpath, (uintptr_t) "x", 9, 0, 0, 0, "Malloc 5 1 0")                                                  \
    RETURNS(mi_reallocn, block, 6, 312, 0, 0, "ReallocArrayBegin 312 6 0")                                             \
    RETURNS(mi_reallocf, block, 313, 0, 0, 0, "ReallocBegin 313 1 0")                                                  \
    RETURNS(mi_rezalloc, block, 314, 0, 0, 0, "ReallocBegin 314 1 0")                                                  \
    RETURNS(mi_recalloc, block, 6, 315, 0, 0, "ReallocArrayBegin 315 6 0")                                             \
    RETURNS(mi_realloc_aligned, block, 316, 64, 0, 0, "ReallocBegin 316 1 0")                                          \
    RETURNS(mi_realloc_aligned_at, block, 317, 64, 8, 0, "ReallocBegin 317 1 0")                                       \
    RETURNS(mi_rezalloc_aligned, block, 318, 64, 0, 0, "ReallocBegin 318 1 0")                                         \
    RETURNS(mi_rezalloc_aligned_at, block, 319, 64, 8, 0, "ReallocBegin 319 1 0")                                      \
    RETURNS(mi_recalloc_aligned, block, 6, 320, 64, 0, "ReallocArrayBegin 320 6 0")                                    \
    RETURNS(mi_heap_zalloc, 99, 301, 0, 0, 0, "Calloc 301 1 0")                                                        \
    RETURNS(mi_heap_mallocn, 99, 5, 302, 0, 0, "Malloc 1510 1 0")                                                      \
    RETURNS(mi_heap_malloc_small, 99, 303, 0, 0, 0, "Malloc 303 1 0")                                                  \
    RETURNS(mi_heap_zalloc_small, 99, 304, 0, 0, 0, "Calloc 304 1 0")                                                  \
    RETURNS(mi_heap_malloc_aligned, 99, 305, 8, 0, 0, "Malloc 305 1 0")                                                \
    AGAIN(mi_heap_malloc_aligned, 99, 306, 64, 0, 0, "Memalign 306 1 64")                                              \
    RETURNS(mi_heap_malloc_aligned_at, 99, 307, 64, 8, 0, "Memalign 307 1 64")                                         \
    RETURNS(mi_heap_zalloc_aligned, 99, 308, 16, 0, 0, "Calloc 308 1 0")                                               \
    RETURNS(mi_heap_zalloc_aligned_at, 99, 309, 32, 8, 0, "Memalign 309 1 32")                                         \
    RETURNS(mi_heap_calloc_aligned, 99, 3, 310, 16, 0, "Calloc 310 3 0")                                               \
    RETURNS(mi_heap_calloc_aligned_at, 99, 3, 311, 16, 8, "Calloc 311 3 0")                                            \
    RETURNS(mi_heap_strdup, 99, (uintptr_t) "x", 9, 0, 0, "Malloc 5 1 0")                                              \
    RETURNS(mi_heap_strndup, 99, (uintptr_t) "x", 9, 0, 0, "Malloc 5 1 0")                                             \
    RETURNS(mi_heap_realpath, 99, (uintptr_t) "x", 9, 0, 0, "Malloc 5 1 0")                                            \
    RETURNS(mi_heap_reallocn, 99, block, 6, 312, 0, "ReallocArrayBegin 312 6 0")                                       \
    RETURNS(mi_heap_reallocf, 99, block, 313, 0, 0, "ReallocBegin 313 1 0")                                            \
    RETURNS(mi_heap_rezalloc, 99, block, 314, 0, 0, "ReallocBegin 314 1 0")                                            \
    RETURNS(mi_heap_recalloc, 99, block, 6, 315, 0, "ReallocArrayBegin 315 6 0")                                       \
    RETURNS(mi_heap_realloc_aligned, 99, block, 316, 64, 0, "ReallocBegin 316 1 0")                                    \
    RETURNS(mi_heap_realloc_aligned_at, 99, block, 317, 64, 8, "ReallocBegin 317 1 0")                                 \
    RETURNS(mi_heap_rezalloc_aligned, 99, block, 318, 64, 0, "ReallocBegin 318 1 0")                                   \
    RETURNS(mi_heap_rezalloc_aligned_at, 99, block, 319, 64, 8, "ReallocBegin 319 1 0")                                \
    RETURNS(mi_heap_recalloc_aligned, 99, block, 6, 320, 64, "ReallocArrayBegin 320 6 0")                              \
    RETURNS(mi_heap_malloc, 99, 401, 0, 0, 0, "Malloc 401 1 0")                                                        \
    RETURNS(mi_heap_calloc, 99, 4, 402, 0, 0, "Calloc 402 4 0")                                                        \
    RETURNS(mi_heap_realloc, 99, block, 403, 0, 0, "ReallocBegin 403 1 0")                                             \
    RETURNS(mi_free_size, block, 404, 0, 0, 0, "FreeSized 404 1 0")                                                    \
    RETURNS(mi_free_size_aligned, block, 405, 64, 0, 0, "FreeAlignedSized 405 1 64")                                   \
    RETURNS(mi_free_aligned, block, 64, 0, 0, 0, "Free 0 1 0")                                                         \
    RETURNS(mi_new, 406, 0, 0, 0, 0, "New 406 1 0")                                                                    \
    RETURNS(mi_new_aligned, 407, 64, 0, 0, 0, "NewAligned 407 1 64")                                                   \
    RETURNS(mi_new_nothrow, 408, 0, 0, 0, 0, "NewNothrow 408 1 0")                                                     \
    RETURNS(mi_new_aligned_nothrow, 409, 64, 0, 0, 0, "NewAlignedNothrow 409 1 64")                                    \
    RETURNS(mi_new_n, 3, 410, 0, 0, 0, "Malloc 1230 1 0")                                                              \
    RETURNS(mi_new_realloc, block, 411, 0, 0, 0, "ReallocBegin 411 1 0")                                               \
    RETURNS(mi_new_reallocn, block, 3, 412, 0, 0, "ReallocArrayBegin 412 3 0")                                         \
    RETURNS(tc_malloc, 101, 0, 0, 0, 0, "Malloc 101 1 0")                                                              \
    RETURNS(tc_calloc, 7, 102, 0, 0, 0, "Calloc 102 7 0")                                                              \
    RETURNS(tc_realloc, block, 103, 0, 0, 0, "ReallocBegin 103 1 0")                                                   \
    RETURNS(tc_reallocarray, block, 8, 104, 0, 0, "ReallocArrayBegin 104 8 0")                                         \
    STORES(tc_posix_memalign)                                                                                          \
    RETURNS(tc_aligned_alloc, 64, 105, 0, 0, 0, "AlignedAlloc 105 1 64")                                               \
    RETURNS(tc_memalign, 128, 106, 0, 0, 0, "Memalign 106 1 128")                                                      \
    RETURNS(tc_valloc, 107, 0, 0, 0, 0, "Valloc 107 1 0")                                                              \
    RETURNS(tc_pvalloc, 108, 0, 0, 0, 0, "Pvalloc 108 1 0")                                                            \
    RETURNS(tc_free, block, 0, 0, 0, 0, "Free 0 1 0")                                                                  \
    RETURNS(tc_free_sized, block, 109, 0, 0, 0, "FreeSized 109 1 0")                                                   \
    RETURNS(tc_cfree, block, 0, 0, 0, 0, "Free 0 1 0")                                                                 \
    RETURNS(tc_malloc_skip_new_handler, 501, 0, 0, 0, 0, "Malloc 501 1 0")                                             \
    RETURNS(tc_new, 601, 0, 0, 0, 0, "New 601 1 0")                                                                    \
    RETURNS(tc_new_aligned, 602, 64, 0, 0, 0, "NewAligned 602 1 64")                                                   \
    RETURNS(tc_new_nothrow, 603, 0, 0, 0, 0, "NewNothrow 603 1 0")                                                     \
    RETURNS(tc_new_aligned_nothrow, 604, 64, 0, 0, 0, "NewAlignedNothrow 604 1 64")                                    \
    RETURNS(tc_newarray, 601, 0, 0, 0, 0, "NewArray 601 1 0")                                                          \
    RETURNS(tc_newarray_aligned, 602, 64, 0, 0, 0, "NewArrayAligned 602 1 64")                                         \
    RETURNS(tc_newarray_nothrow, 603, 0, 0, 0, 0, "NewArrayNothrow 603 1 0")                                           \
    RETURNS(tc_newarray_aligned_nothrow, 604, 64, 0, 0, 0, "NewArrayAlignedNothrow 604 1 64")                          \
    RETURNS(tc_delete, block, 0, 0, 0, 0, "Delete 0 1 0")                                                              \
    RETURNS(tc_delete_nothrow, block, 0, 0, 0, 0, "DeleteNothrow 0 1 0")                                               \
    RETURNS(tc_delete_sized, block, 605, 0, 0, 0, "DeleteSized 605 1 0")                                               \
    RETURNS(tc_delete_aligned, block, 64, 0, 0, 0, "DeleteAligned 0 1 64")                                             \
    RETURNS(tc_delete_sized_aligned, block, 606, 64, 0, 0, "DeleteSizedAligned 606 1 64")                              \
    RETURNS(tc_deletearray, block, 0, 0, 0, 0, "DeleteArray 0 1 0")                                                    \
    RETURNS(tc_deletearray_nothrow, block, 0, 0, 0, 0, "DeleteArrayNothrow 0 1 0")                                     \
    RETURNS(tc_deletearray_sized, block, 605, 0, 0, 0, "DeleteArraySized 605 1 0")                                     \
    RETURNS(tc_deletearray_aligned, block, 64, 0, 0, 0, "DeleteArrayAligned 0 1 64")                                   \
    RETURNS(tc_deletearray_sized_aligned, block, 606, 64, 0, 0, "DeleteArraySizedAligned 606 1 64")                    \
    RETURNS(rpmalloc, 101, 0, 0, 0, 0, "Malloc 101 1 0")                                                               \
    RETURNS(rpcalloc, 7, 102, 0, 0, 0, "Calloc 102 7 0")                                                               \
    RETURNS(rprealloc, block, 103, 0, 0, 0, "ReallocBegin 103 1 0")                                                    \
    RETURNS(rpreallocarray, block, 8, 104, 0, 0, "ReallocArrayBegin 104 8 0")                                          \
    STORES(rpposix_memalign)                                                                                           \
    RETURNS(rpaligned_alloc, 64, 105, 0, 0, 0, "AlignedAlloc 105 1 64")                                                \
    RETURNS(rpmemalign, 128, 106, 0, 0, 0, "Memalign 106 1 128")                                                       \
    RETURNS(rpvalloc, 107, 0, 0, 0, 0, "Valloc 107 1 0")                                                               \
    RETURNS(rppvalloc, 108, 0, 0, 0, 0, "Pvalloc 108 1 0")                                                             \
    RETURNS(rpfree, block, 0, 0, 0, 0, "Free 0 1 0")                                                                   \
    RETURNS(rpfree_sized, block, 109, 0, 0, 0, "FreeSized 109 1 0")                                                    \
    RETURNS(rpcfree, block, 0, 0, 0, 0, "Free 0 1 0")                                                                  \
    RETURNS(rpaligned_calloc, 64, 3, 701, 0, 0, "Memalign 2103 1 64")                                                  \
    RETURNS(rpaligned_realloc, block, 64, 702, 5, 0, "ReallocBegin 702 1 0")                                           \
    RETURNS(sn_rust_alloc, 8, 801, 0, 0, 0, "Malloc 801 1 0")                                                          \
    RETURNS(sn_rust_alloc_zeroed, 16, 802, 0, 0, 0, "Calloc 802 1 0")                                                  \
    RETURNS(sn_rust_realloc, block, 8, 5, 803, 0, "ReallocBegin 803 1 0")                                              \
    RETURNS(sn_rust_dealloc, block, 8, 5, 0, 0, "Free 0 1 0")

#ifdef STANDARD
#define PROGRAMS                                                                                                       \
    RETURNS(malloc, 101, 0, 0, 0, 0, "Malloc 101 1 0")                                                                 \
    RETURNS(calloc, 7, 102, 0, 0, 0, "Calloc 102 7 0")                                                                 \
    RETURNS(realloc, block, 103, 0, 0, 0, "ReallocBegin 103 1 0")                                                      \
    RETURNS(reallocarray, block, 8, 104, 0, 0, "ReallocArrayBegin 104 8 0")                                            \
    STORES(posix_memalign)                                                                                             \
    RETURNS(aligned_alloc, 64, 105, 0, 0, 0, "AlignedAlloc 105 1 64")                                                  \
    RETURNS(memalign, 128, 106, 0, 0, 0, "Memalign 106 1 128")                                                         \
    RETURNS(valloc, 107, 0, 0, 0, 0, "Valloc 107 1 0")                                                                 \
    RETURNS(pvalloc, 108, 0, 0, 0, 0, "Pvalloc 108 1 0")                                                               \
    RETURNS(free, block, 0, 0, 0, 0, "Free 0 1 0")                                                                     \
    RETURNS(free_sized, block, 109, 0, 0, 0, "FreeSized 109 1 0")                                                      \
    RETURNS(cfree, block, 0, 0, 0, 0, "Free 0 1 0")                                                                    \
    RETURNS(_Znwm, 601, 0, 0, 0, 0, "New 601 1 0")                                                                     \
    RETURNS(_ZnwmSt11align_val_t, 602, 64, 0, 0, 0, "NewAligned 602 1 64")                                             \
    RETURNS(_ZnwmRKSt9nothrow_t, 603, 0, 0, 0, 0, "NewNothrow 603 1 0")                                                \
    RETURNS(_ZnwmSt11align_val_tRKSt9nothrow_t, 604, 64, 0, 0, 0, "NewAlignedNothrow 604 1 64")                        \
    RETURNS(_Znam, 601, 0, 0, 0, 0, "NewArray 601 1 0")                                                                \
    RETURNS(_ZnamSt11align_val_t, 602, 64, 0, 0, 0, "NewArrayAligned 602 1 64")                                        \
    RETURNS(_ZnamRKSt9nothrow_t, 603, 0, 0, 0, 0, "NewArrayNothrow 603 1 0")                                           \
    RETURNS(_ZnamSt11align_val_tRKSt9nothrow_t, 604, 64, 0, 0, 0, "NewArrayAlignedNothrow 604 1 64")                   \
    RETURNS(_ZdlPv, block, 0, 0, 0, 0, "Delete 0 1 0")                                                                 \
    RETURNS(_ZdlPvRKSt9nothrow_t, block, 0, 0, 0, 0, "DeleteNothrow 0 1 0")                                            \
    RETURNS(_ZdlPvm, block, 605, 0, 0, 0, "DeleteSized 605 1 0")                                                       \
    RETURNS(_ZdlPvSt11align_val_t, block, 64, 0, 0, 0, "DeleteAligned 0 1 64")                                         \
    RETURNS(_ZdlPvmSt11align_val_t, block, 606, 64, 0, 0, "DeleteSizedAligned 606 1 64")                               \
    RETURNS(_ZdlPvSt11align_val_tRKSt9nothrow_t, block, 64, 0, 0, 0, "DeleteAlignedNothrow 0 1 64")                    \
    RETURNS(_ZdaPv, block, 0, 0, 0, 0, "DeleteArray 0 1 0")                                                            \
    RETURNS(_ZdaPvRKSt9nothrow_t, block, 0, 0, 0, 0, "DeleteArrayNothrow 0 1 0")                                       \
    RETURNS(_ZdaPvm, block, 605, 0, 0, 0, "DeleteArraySized 605 1 0")                                                  \
    RETURNS(_ZdaPvSt11align_val_t, block, 64, 0, 0, 0, "DeleteArrayAligned 0 1 64")                                    \
    RETURNS(_ZdaPvmSt11align_val_t, block, 606, 64, 0, 0, "DeleteArraySizedAligned 606 1 64")                          \
    RETURNS(_ZdaPvSt11align_val_tRKSt9nothrow_t, block, 64, 0, 0, 0, "DeleteArrayAlignedNothrow 0 1 64")
#else
#define PROGRAMS
#endif

static char heap[4 << 20] __attribute__((aligned(4096)));
static char *next = heap;
static volatile uintptr_t seen;

/* A page, so that no two are one block. */
static uintptr_t fresh(uintptr_t number)
{
    seen = number;
    next += 4096;
    memcpy(next, "text", 5);
    return (uintptr_t)next;
}

/* Each is different code, or a linker might make one of two. */
#define RETURNS(name, ...)                                                                                             \
    __attribute__((noinline, used)) uintptr_t name(FIVE)                                                               \
    {                                                                                                                  \
        return fresh(a + b + c + d + e + __LINE__) + 0 * seen;                                                         \
    }
#define AGAIN(...)
#define STORES(name)                                                                                                   \
    __attribute__((noinline, used)) uintptr_t name(FIVE)                                                               \
    {                                                                                                                  \
        *(uintptr_t *)a = fresh(a + b + c + d + e);                                                                    \
        return 0;                                                                                                      \
    }
ALLOCATORS
PROGRAMS
#undef RETURNS
#undef AGAIN
#undef STORES

static void say(const char *line)
{
    (void)!write(1, line, strlen(line));
    (void)!write(1, "\n", 1);
}

#define RETURNS(name, a, b, c, d, e, line)                                                                             \
    block = fresh(0);                                                                                                  \
    name(a, b, c, d, e);                                                                                               \
    say(line);
#define AGAIN RETURNS
#define STORES(name)                                                                                                   \
    name((uintptr_t)&block, 64, 901, 0, 0);                                                                            \
    say("PosixMemalign 901 1 64");

int main(void)
{
    uintptr_t block;
    ALLOCATORS
    PROGRAMS
    return 0;
}
