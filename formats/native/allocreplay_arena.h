/* The arena of a session: shared memory in which recorded threads leave their events, and from which the drain, another
 * process, brings them to disk. No file format: both sides are of one build, and the version refuses any other.
 *
 *   page 0         struct ar_arena: the session's clock, control word and counters
 *   image slots    a page each: struct ar_image
 *   chunk classes  three sizes of chunks; of each class an owner's word and two bits a chunk, then the chunks
 *
 * Everything here may be scribbled on by a recorded process that has since dropped its rights: whoever reads it checks
 * what it reads against what it has mapped, and takes no address, length or index from it unchecked.
 */
#ifndef ALLOCREPLAY_ARENA_H
#define ALLOCREPLAY_ARENA_H

#include "allocreplay_format.h"

#define AR_ARENA_MAGIC 0x414e455241524c41ull /* "ALRARENA" */
#define AR_ARENA_VERSION 5u
#define AR_ARENA_CLASSES 3
#define AR_ARENA_PAGE 4096u

/* Chunks of one size. Offsets are from the start of the arena; `words` are 64-bit. */
struct ar_arena_class {
    uint32_t size;   /* of a chunk, its header included: a multiple of a page */
    uint32_t count;  /* a multiple of 64 */
    uint64_t owners; /* a word each: AR_CHUNK_OWNER */
    uint64_t free;   /* a bit each: backed by memory, and nobody's. Who clears it has it */
    uint64_t full;   /* a bit each: something for the drain to look at */
    uint64_t first;  /* of the chunks */
};

/* An owner's word: a state, the image that took the chunk, and a count that rises each time that it is taken. */
enum ar_chunk_state {
    AR_CHUNK_FREE = 0,
    AR_CHUNK_OWNED = 1,  /* its thread writes it */
    AR_CHUNK_FULL = 2,   /* its thread is done with it: the drain's */
    AR_CHUNK_EXITED = 3, /* its thread has ended but for a few last calls */
};
#define AR_CHUNK_STATE_MASK 3u
#define AR_CHUNK_IMAGE_SHIFT 16
#define AR_CHUNK_IMAGE_MASK 0xffffu
#define AR_CHUNK_TURN_SHIFT 32

/* The counter beside CLOCK_MONOTONIC, read by the drain ten times a second: no recorded thread asks for the time. */
struct ar_arena_clock {
    uint64_t ticks;
    uint64_t mono_ns;
    uint64_t realtime_ns;
    uint64_t scale; /* ns a tick, times 2^32 */
};

/* How much had been recorded at two moments, a second or so apart: the drain's, for who looks from outside. */
struct ar_round {
    uint64_t mono_ns;
    uint64_t bytes; /* of events: in files, and in chunks that are not full */
};
struct ar_rounds {
    uint32_t number; /* the last bit: which of the two is the later */
    uint32_t reserved;
    struct ar_round both[2];
};

struct ar_arena {
    uint64_t magic;
    uint32_t version;
    uint32_t image_count;                   /* at most 65535 */
    uint64_t size;                          /* of the file */
    uint64_t images;                        /* offset of the slots */
    uint64_t session_device, session_inode; /* of the session's directory */
    uint32_t tick_shift;
    uint32_t wait_ms; /* how long a thread may wait for a free chunk; 0: not at all */
    uint64_t quota;   /* bytes of chunks that one image may hold */
    struct ar_arena_class classes[AR_ARENA_CLASSES];
    uint32_t clock_version; /* the last bit: which of the two holds the latest reading */
    uint32_t clock_reserved;
    struct ar_arena_clock clocks[2];
    uint8_t reserved[1024 - 256];
    char session[1024]; /* the session's directory, NUL-padded: for who knows of a process only */
    uint8_t padding[1024];

    /* A line each, by who writes it. */
    uint32_t control;  /* the interval that a new image begins with, or 0 */
    uint32_t interval; /* the latest, 0 before the first */
    uint8_t control_padding[56];
    uint32_t image_numbers; /* images begun so far */
    uint32_t refused;       /* images that found no slot: not recorded */
    uint8_t image_padding[56];
    uint32_t freed;   /* rises when chunks become free: a futex */
    uint32_t waiting; /* threads that wait for that */
    uint8_t freed_padding[56];
    uint32_t seal_asked; /* a controller raises it: collect all that was written */
    uint32_t sealed;     /* the drain: all that was written before this number was asked for is on disk */
    uint32_t drain_pid;
    uint32_t drain_state; /* enum ar_drain_state */
    uint8_t seal_padding[48];
    uint32_t drains; /* that have had the arena, one after the other */
    uint32_t drains_reserved;
    uint64_t ended_bytes; /* of events of images that have ended */
    struct ar_rounds rounds;
    uint8_t drains_padding[8];
};

enum ar_drain_state {
    AR_DRAIN_RUNS = 1,
    AR_DRAIN_ENDED = 2, /* no image was left */
    AR_DRAIN_STAYS = 3, /* who started it has gone, and images are left */
};

static_assert(sizeof(struct ar_arena_class) == 40, "ar_arena_class is 40 bytes");
static_assert(sizeof(struct ar_arena_clock) == 32, "ar_arena_clock is 32 bytes");
static_assert(sizeof(struct ar_rounds) == 40, "ar_rounds is 40 bytes");
/* recorder/Arena/ArenaWire.cs has these numbers. */
static_assert(offsetof(struct ar_arena, classes) == 64, "ar_arena.classes");
static_assert(offsetof(struct ar_arena, clock_version) == 184, "ar_arena.clock_version");
static_assert(offsetof(struct ar_arena, session) == 1024, "ar_arena.session");
static_assert(offsetof(struct ar_arena, control) == 3072, "ar_arena.control");
static_assert(offsetof(struct ar_arena, image_numbers) == 3136, "ar_arena.image_numbers");
static_assert(offsetof(struct ar_arena, freed) == 3200, "ar_arena.freed");
static_assert(offsetof(struct ar_arena, seal_asked) == 3264, "ar_arena.seal_asked");
static_assert(offsetof(struct ar_arena, drains) == 3328, "ar_arena.drains");
static_assert(sizeof(struct ar_arena) <= AR_ARENA_PAGE, "ar_arena fits its page");

enum ar_image_state {
    AR_IMAGE_FREE = 0,
    AR_IMAGE_CLAIMED = 1, /* being filled in */
    AR_IMAGE_LIVE = 2,
};

/* A process image: its page `process`, and what the drain has to know of it besides. */
struct ar_image {
    struct ar_process process;
    uint8_t padding[2432 - sizeof(struct ar_process)];
    uint32_t state;          /* enum ar_image_state */
    uint32_t number;         /* order of the images in the session, from 1 */
    uint32_t parent;         /* number of the image that it was forked from; 0: none, it was begun by exec */
    uint32_t filtered;       /* a filter of system calls is in place: its threads never wait */
    uint64_t held;           /* bytes of chunks */
    uint64_t waits;          /* for a free chunk */
    uint32_t first_interval; /* that it began with, or 0 */
    uint32_t left;           /* it is over, though its process goes on */
    uint64_t mapped_at;      /* where its process has the arena: of two that call themselves by one id, in namespaces of
                                process ids, this tells which it is */
    struct ar_rounds rounds; /* the drain's */
};

static_assert(offsetof(struct ar_image, state) == 2432, "ar_image.state");
static_assert(offsetof(struct ar_image, held) == 2448, "ar_image.held");
static_assert(offsetof(struct ar_image, first_interval) == 2464, "ar_image.first_interval");
static_assert(offsetof(struct ar_image, mapped_at) == 2472, "ar_image.mapped_at");
static_assert(offsetof(struct ar_image, rounds) == 2480, "ar_image.rounds");
static_assert(sizeof(struct ar_image) <= AR_ARENA_PAGE, "ar_image fits its page");

/* Text that the program's image carries to its recording, in chunks with this magic: `thread` is an
 * enum ar_document, `sequence` its part. */
#define AR_DOCUMENT_MAGIC 0x31445241u /* "ARD1" */
enum ar_document { AR_DOCUMENT_COMMAND_LINE = 1, AR_DOCUMENT_MAPS = 2, AR_DOCUMENT_MODULES = 3 };

/* Frames on their way to the file of that name, in chunks with this magic: records, of which the first has the number
 * `sequence`. Those that are not PRESENT are not written yet. */
#define AR_FRAMES_MAGIC 0x31465241u /* "ARF1" */

#endif
