/* A stack as the number of a node of a tree. A node is a frame and the node of its caller, so that all stacks of a
 * process share what they have in common; the number of the lowest stands for the whole. */
#ifndef ALLOCREPLAY_FRAMES_H
#define ALLOCREPLAY_FRAMES_H

#include "code.h"
#include "recording.h"

#define AR_NODE_NONE 0u  /* no stack; as a caller: there is none, the thread starts here */
#define AR_NODE_CUT 1u   /* as a caller: there are more, which were not walked */
#define AR_NODE_FIRST 2u /* of the nodes that are written down */

/* Maps the tree. False: there is none. `may_advise`: a filter of system calls is not in place. */
bool ar_frames_begin(bool may_advise);

/* Makes room for the first nodes before any other thread can want it: who comes while another is at that does without a
 * stack, and threads that begin together would. Before the image of `header` is the process's. */
void ar_frames_open(struct ar_process *header);

/* In a forked child: nothing has been told yet. */
void ar_frames_again(void);

/* An object has gone: its addresses may be another's from now on. */
void ar_frames_forget(void);

/* Whether an object that was told has gone since this was last asked, so that the generation is to end. */
bool ar_frames_have_lost(void);

/* Tells what an object is called, once while it is there. AR_MET_ANOTHER: it is where another was in this generation,
 * which is gone: the C library has taken it away itself, without a dlclose that we would know of (its converters of
 * character sets), or the thread that unloads it has not ended the generation yet. */
enum ar_meeting { AR_MET_FIRST, AR_MET_BEFORE, AR_MET_ANOTHER };
enum ar_meeting ar_frames_meet(const struct ar_module *module);

/* The node of a frame; AR_NODE_NONE: there is no room for it. */
uint32_t ar_frame_node(uint32_t caller, uint64_t ip, bool exact);

#endif
