/* Where a thread's chunks come from, and where they go when they are full. Two stores: arena.c, shared memory that
 * another process drains, and tails.c, files that the threads write themselves. */
#ifndef ALLOCREPLAY_CHUNK_H
#define ALLOCREPLAY_CHUNK_H

#include "allocreplay_arena.h"
#include "recording.h"

enum ar_size { AR_SMALL, AR_MEDIUM, AR_LARGE };

struct ar_store {
    /* A chunk for the thread, with its capacity and its flag `inside` set; it becomes t->tail and t->place. False:
     * there is none now; where `why` is set, there will be none. */
    bool (*take)(struct ar_thread *t, enum ar_size size, struct ar_why *why);
    /* Gives the thread's chunk away. False: its events are lost, and `why` is set. */
    bool (*give)(struct ar_thread *t, struct ar_why *why);
    /* The thread ends: its chunk, in which it may write a little more, is to be given away when it is gone. */
    void (*leave)(struct ar_thread *t);
    /* In a child that was forked in the middle of something, and will go on with it as its parent does: whatever that
     * writes, or takes or gives, is nobody's. The child's own recording begins later. */
    void (*part)(struct ar_thread *t);
};
extern const struct ar_store ar_arena_store, ar_tails_store;

/* The store that this process writes to. Set before the first thread attaches; inherited by forks. */
extern const struct ar_store *ar_store;

/* Defined by a litmus build of the tests only, to fork, as a signal handler might, where a thread is about to change
 * what is shared, or just has. */
#ifndef AR_LITMUS_FORK
#define AR_LITMUS_FORK(where) ((void)0)
#endif

/* One that a thread has while it has none: full, so that the thread asks again at its next call. */
extern struct ar_chunk ar_no_chunk;

/* arena.c */
/* Once, in the first image that this memory had; again after ar_arena_leave. The path is that of the arena, or that of
 * a socket at which it is handed over. */
bool ar_arena_map(const char *path, bool handed_over);
/* Why that was not possible, an errno or 0: who attaches reads it from outside. Nothing is written to the program's
 * standard error, which may be a pipe that is full, or closed, or be a file of the program's by now. */
extern int32_t allocreplay_arena_error __attribute__((visibility("protected")));
/* The image of `header` is over while its process goes on: the arena is the process's no more. A thread may be on its
 * way to it, and finds memory of the process's own in its place, in which nothing is recorded. */
void ar_arena_leave(struct ar_process *header);
bool ar_arena_mapped(void);
/* Before a child's own recording begins: the arena may be elsewhere since it was forked. Returns what `at`, which was
 * in it, is now; NULL: the arena is gone. */
void *ar_arena_again(void *at);
struct ar_image *ar_arena_image(void); /* takes a slot, to be filled; NULL: there is none */
/* It is filled: its recording begins as the session's control word says, or stopped. */
void ar_arena_publish(struct ar_image *image, bool stopped);
void ar_arena_time(uint64_t ticks, uint64_t *mono_ns, uint64_t *realtime_ns);
uint32_t ar_arena_tick_shift(void);
void ar_arena_carry(struct ar_image *image, enum ar_document what, const char *path); /* a file */

#endif
