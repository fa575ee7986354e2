/* The recording format as the hook writes it. formats/SPEC.md is normative; this header and formats/Recording/Wire.cs
 * follow it. All integers are little-endian. The structures below hold no pointers and no implicit padding. */
#ifndef ALLOCREPLAY_FORMAT_H
#define ALLOCREPLAY_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "allocreplay_ops.h"

#define AR_VERSION_MAJOR 1
#define AR_VERSION_MINOR 2

/* The low bits of an event's first byte: one of the three kinds that have a short form, or the long form. */
#define AR_CODE_BITS 2
#define AR_CODE_LONG 3u

/* Short form: a 32-bit word of code, time delta (6 bits) and address delta in units (24 bits, signed). */
#define AR_SHORT_TIME 63u /* in the word: the time delta follows as a varint */
#define AR_SHORT_ADDRESS_BIT 8
#define AR_SHORT_REACH (8l << 23) /* the address delta is in [-reach, reach) bytes */

/* Op byte of the long form. */
#define AR_OP_MASK 0x3fu
#define AR_OP_NULL 0x80u /* the address field is absent: the call failed, or was given a null pointer */
#define AR_OP_RAW 0x40u  /* the address is not a multiple of AR_ADDRESS_UNIT: its delta is in bytes */

#define AR_ADDRESS_UNIT 8

/* The longest event, of the long form: prefix 10, op 1, five fields, a duration and a stack of at most 10 bytes each.
 */
#define AR_EVENT_MAX 81

/* A chunk of one thread's stream: in the file `events`, back to back; in the file `tails`, at the head of each slot. */
#define AR_CHUNK_MAGIC 0x31435241u /* "ARC1" */

struct ar_chunk {
    uint32_t magic;
    uint32_t thread;   /* dense index of the thread within its process image, from 0 */
    uint32_t sequence; /* number of this chunk in the thread's stream, from 0 */
    uint32_t length;   /* payload bytes that follow; in a tail, the bytes published so far */
    uint64_t ticks;    /* counter at the start of the chunk, unshifted; time deltas start here */
    uint64_t mono_ns;  /* CLOCK_MONOTONIC beside `ticks`: a calibration pair */
    uint32_t os_tid;
    uint32_t capacity; /* tails: bytes of the slot, this header included; events: 0 */
    char name[16];     /* thread name when the chunk was begun, NUL-padded */
    uint32_t inside;   /* tails: the owner is writing, see "Control"; events: ignored */
    uint32_t interval; /* recording interval that the chunk belongs to, from 1 */
};

static_assert(sizeof(struct ar_chunk) == 64, "ar_chunk is 64 bytes");
static_assert(offsetof(struct ar_chunk, ticks) == 16, "ar_chunk.ticks");
static_assert(offsetof(struct ar_chunk, name) == 40, "ar_chunk.name");

/* Slots begin at multiples of this; an unused one has capacity 0 or magic 0. */
#define AR_TAIL_ALIGNMENT 4096

enum ar_arch { AR_ARCH_X86_64 = 1, AR_ARCH_AARCH64 = 2 };

enum ar_state {
    AR_STATE_RECORDING = 1, /* also what a killed process leaves behind */
    AR_STATE_EXITED = 2,    /* the process ran its destructors */
    AR_STATE_FAILED = 3,    /* recording ended early: failure_op and failure_errno say why */
};

/* What the hook was doing when it had to give up. */
enum ar_failure {
    AR_FAILURE_NONE = 0,
    AR_FAILURE_CREATE = 1,
    AR_FAILURE_GROW = 2,
    AR_FAILURE_WRITE = 3,
    AR_FAILURE_LOST_FILE = 4,
    AR_FAILURE_SIZE_LIMIT = 5,
    AR_FAILURE_COUNTER = 6, /* the program forbids its threads to read it */
    AR_FAILURE_NO_ROOM = 7, /* the disk has no more than what is to be left free */
};

/* How the blocks of a sample are chosen. */
enum ar_sample_scheme {
    AR_SAMPLE_ADDRESSES = 0, /* by a hash of the address: version 1.0 */
    AR_SAMPLE_BLOCKS = 1,    /* each with probability 1 / sample */
    AR_SAMPLE_BYTES = 2,     /* each with probability 1 - exp(-max(bytes, 1) / sample) */
};

#define AR_PROCESS_MAGIC 0x434f52504c4c41ull /* "ALLPROC" */
#define AR_PATH_MAX 1024

/* The file `process`: one page that identifies the process image and carries its counters. */
struct ar_process {
    uint64_t magic;
    uint16_t version_major;
    uint16_t version_minor;
    uint32_t size; /* of this structure */
    uint32_t pid;
    uint32_t ppid;
    uint32_t arch;       /* enum ar_arch */
    uint32_t tick_shift; /* event times are counter >> tick_shift */
    uint64_t realtime_ns;
    /* Calibration pairs: two at start, at least 50 us apart, and one at an orderly exit (0 before). */
    uint64_t start_ticks;
    uint64_t start_mono_ns;
    uint64_t second_ticks;
    uint64_t second_mono_ns;
    uint64_t end_ticks;
    uint64_t end_mono_ns;
    uint32_t state; /* enum ar_state */
    uint32_t failure_op;
    int32_t failure_errno;
    uint32_t threads;     /* thread indices handed out */
    uint64_t lost_events; /* calls that should have been recorded and were not */
    uint64_t flags;       /* AR_PROCESS_* */
    uint8_t build_id_length;
    uint8_t build_id[31]; /* of the object that provides malloc */
    char allocator[AR_PATH_MAX];
    char exe[AR_PATH_MAX];

    /* The control plane. `control` is read at every call and written by a controlling process: a line of its own. */
    uint32_t sample;        /* of a sample: blocks, or bytes, of which one is chosen on average; 0 or 1: all blocks */
    uint32_t sample_scheme; /* enum ar_sample_scheme */
    uint8_t control_padding[32];
    uint32_t control;  /* the interval being recorded, or 0 while stopped */
    uint32_t interval; /* the latest interval, 0 before the first */
    uint8_t slow_padding[56];
    uint64_t slow_begun; /* slow paths entered and left: a thread in one may have no tail, or change it */
    uint64_t slow_done;
};

/* An entry of the file `frames`, which are numbered from 0: a frame of a stack, and the number of its caller's. */
struct ar_frame_record {
    uint64_t ip;     /* a return address, or with EXACT where a signal interrupted */
    uint32_t caller; /* 0: none, the thread starts here; 1: there are more, which were not walked */
    uint32_t flags;  /* AR_FRAME_*, and from the shift on the generation of modules that ip is of */
};
#define AR_FRAME_PRESENT 1u
#define AR_FRAME_EXACT 2u
#define AR_FRAME_GENERATION_SHIFT 8

static_assert(sizeof(struct ar_frame_record) == 16, "ar_frame_record is 16 bytes");

/* An entry of the file `marks`: the recording was started or stopped, or somebody left a mark. */
enum ar_mark_kind { AR_MARK_START = 1, AR_MARK_STOP = 2, AR_MARK_NAME = 3 };

struct ar_mark {
    uint32_t kind;     /* enum ar_mark_kind */
    uint32_t interval; /* that it starts, stops or falls into; 0 while stopped */
    uint64_t mono_ns;  /* CLOCK_MONOTONIC */
    char name[48];     /* NUL-padded; AR_MARK_NAME only */
};

static_assert(sizeof(struct ar_mark) == 64, "ar_mark is 64 bytes");

/* ar_process.flags */
#define AR_PROCESS_NEW_RECORDED 1u  /* operator new/delete come from the allocator and are recorded as such */
#define AR_PROCESS_FORKED 2u        /* began as a fork of a recorded process, not by exec */
#define AR_PROCESS_EXPEDITED 4u     /* is registered for membarrier(GLOBAL_EXPEDITED) */
#define AR_PROCESS_LATENCY 8u       /* each acquisition and release ends with a varint: ticks that the call took */
#define AR_PROCESS_MALLOCHOOK 16u   /* told by gperftools' MallocHook: each acquisition is malloc, each release free */
#define AR_PROCESS_STACKS 64u       /* each acquisition ends with a varint: the number of its stack, or 0 */
#define AR_PROCESS_FREE_STACKS 128u /* and so does each release */
#define AR_PROCESS_ATTACHED 256u    /* ran already when its recording began: it has blocks that are older */
#define AR_PROCESS_REGIONS 512u     /* memory that the kernel maps for the program is recorded too */
#define AR_PROCESS_LINKED 1024u     /* calls of an allocator that is linked into the program are recorded, by detours */
#define AR_PROCESS_LINKED_PARTLY 2048u /* it has functions of such an allocator whose calls are not recorded */
#define AR_PROCESS_DRAINED 32u         /* written by another process than it tells of: its page here is a copy */

static_assert(sizeof(struct ar_process) == 2320, "ar_process is 2320 bytes");
static_assert(offsetof(struct ar_process, control) == 2240, "ar_process.control");
static_assert(offsetof(struct ar_process, slow_begun) == 2304, "ar_process.slow_begun");
static_assert(offsetof(struct ar_chunk, inside) == 56, "ar_chunk.inside");
static_assert(offsetof(struct ar_process, start_ticks) == 40, "ar_process.start_ticks");
static_assert(offsetof(struct ar_process, lost_events) == 104, "ar_process.lost_events");
static_assert(offsetof(struct ar_process, allocator) == 152, "ar_process.allocator");

#endif
