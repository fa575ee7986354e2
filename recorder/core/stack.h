/* Where a call was made: the frames above it, as the number of a node of a tree. A node is a frame and the node of its
 * caller, so that all stacks of a process share what they have in common; its number stands for the whole stack. */
#ifndef ALLOCREPLAY_STACK_H
#define ALLOCREPLAY_STACK_H

#include "code.h"
#include "recording.h"

#define AR_DEPTH_MAX 128

/* Of one thread: its last walk, by which the next is mostly known. */
struct ar_stack;

/* Maps what stacks need, once in a line of forks. False: there are none. */
bool ar_stacks_begin(uint32_t depth, bool by_pointer, bool filtered);

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

/* An object may have gone: what was known of its code is forgotten. */
void ar_stacks_forget(void);

/* frames.c: the tree. */
bool ar_frames_begin(bool may_advise);
void ar_frames_again(void);
void ar_frames_forget(void);
void ar_frames_meet(const struct ar_module *object); /* tells what it is called, once */
uint32_t ar_frame_node(uint32_t caller, uint64_t ip, bool exact);
#define AR_NODE_NONE 0u  /* no stack; as a caller: there is none, the thread starts here */
#define AR_NODE_CUT 1u   /* as a caller: there are more, which were not walked */
#define AR_NODE_FIRST 2u /* of the nodes that are written down */

#endif
