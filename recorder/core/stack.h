/* Where a call was made: walks of a thread's stack. */
#ifndef ALLOCREPLAY_STACK_H
#define ALLOCREPLAY_STACK_H

#include "frames.h"

#define AR_DEPTH_MAX 128

/* From where the kernel enters a program to what is taken for the top of its stack: no frame is there. */
#define AR_ABOVE_FIRST 64

/* Of one thread: its last walk, by which the next is mostly known. */
struct ar_stack;

/* Maps what stacks need, once in a line of forks. False: there are none. */
bool ar_stacks_begin(uint32_t depth, bool by_pointer, bool filtered);

/* Before that: the library of this function calls us, and its frames are not the program's. */
void ar_stacks_leave_out(const void *function);

/* In a forked child: nothing is known yet. */
void ar_stacks_again(void);

/* Memory for the thread's walks; NULL: there is none left. `top` is above all its frames, and `size` bytes below are
 * its stack's; 0: not known. */
struct ar_stack *ar_stack_take(uint64_t top, uint64_t size);
void ar_stack_give(struct ar_stack *stack);

/* The stack of the program's call that the thread is inside of, or 0. */
uint32_t ar_stack_of_call(struct ar_stack *stack);

/* A filter of system calls is about to be in place. */
void ar_stacks_filtered(void);

/* Around what may unload an object. `gone`: it has unloaded one; what was known of its code is forgotten. */
void ar_stacks_begin_close(void);
void ar_stacks_end_close(bool gone);

/* Told by a library beside ours: where it is. */
void allocreplay_beside(const void *from, const void *to);

#endif
