/* What the recorder was asked for: read once from the environment, or from what stands in its place, and kept, so that
 * a fork goes on with what its parent was told, also when the program has cleared its environment since. */
#include "recording.h"

#include <string.h>
#include <unistd.h>

struct ar_options ar_options;
const char *ar_settings;

static const char *variable(const char *name)
{
    size_t length = strlen(name);
    for (const char *s = ar_settings; s && *s; s += strlen(s) + 1)
        if (strncmp(s, name, length) == 0 && s[length] == '=')
            return s + length + 1;
    if (ar_settings)
        return NULL;
    for (char **e = environ; e && *e; e++)
        if (strncmp(*e, name, length) == 0 && (*e)[length] == '=')
            return *e + length + 1;
    return NULL;
}

static uint64_t number(const char *name)
{
    uint64_t n = 0;
    for (const char *digit = variable(name); digit && *digit >= '0' && *digit <= '9'; digit++)
        n = n * 10 + (uint64_t)(*digit - '0');
    return n;
}

bool ar_options_read(void)
{
    struct ar_options *o = &ar_options;
    const char *session = variable("ALLOCREPLAY_DIR");
    if (o->session[0] || !session)
        return o->session[0] != 0;
    size_t length = strlen(session);
    if (length == 0 || length >= sizeof o->session)
        return false;
    o->sample = number("ALLOCREPLAY_SAMPLE");
    o->sample_scheme = AR_SAMPLE_BLOCKS;
    if (variable("ALLOCREPLAY_SAMPLE_BYTES")) {
        o->sample = number("ALLOCREPLAY_SAMPLE_BYTES");
        o->sample_scheme = AR_SAMPLE_BYTES;
    }
    o->sample_seed = number("ALLOCREPLAY_SAMPLE_SEED");
    o->max_size = number("ALLOCREPLAY_MAX_SIZE");
    o->only_child_of = number("ALLOCREPLAY_ONLY_CHILD_OF");
    o->latency = variable("ALLOCREPLAY_LATENCY") != NULL;
    o->regions = variable("ALLOCREPLAY_REGIONS") != NULL;
    o->linked = variable("ALLOCREPLAY_NO_DETOURS") == NULL;
    o->redact = variable("ALLOCREPLAY_REDACT") != NULL;
    o->opt_in = variable("ALLOCREPLAY_OPT_IN") != NULL;
    o->late = ar_settings != NULL;
    const char *stacks = variable("ALLOCREPLAY_STACKS");
    o->stacks = !stacks ? AR_STACKS_NO : strcmp(stacks, "fp") == 0 ? AR_STACKS_FP : AR_STACKS_CFI;
    o->free_stacks = variable("ALLOCREPLAY_STACKS_FREE") != NULL;
    o->stack_depth = number("ALLOCREPLAY_STACK_DEPTH");
    const char *arena = variable("ALLOCREPLAY_ARENA");
    if (arena && strlen(arena) < sizeof o->arena)
        strcpy(o->arena, arena);
    memcpy(o->session, session, length + 1);
    return true;
}
