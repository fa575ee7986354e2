/* dlclose: what was known of the code that goes with it is forgotten. dlopen is not wrapped, as it asks who called it.
 */
#include <link.h>

#include "record.h"

static int (*real_dlclose)(void *);

static int count(struct dl_phdr_info *info, size_t size, void *removed)
{
    (void)size;
    *(unsigned long long *)removed = info->dlpi_subs;
    return 1;
}

void ar_dlclose_resolve(void)
{
    real_dlclose = (int (*)(void *))ar_next("dlclose");
}

AR_EXPORT int dlclose(void *object)
{
    if (!real_dlclose)
        ar_dlclose_resolve();
    if (!(ar_recording.optional_fields & AR_FIELD_STACK))
        return real_dlclose(object);
    unsigned long long before = 0, after = 0;
    dl_iterate_phdr(count, &before);
    ar_stacks_begin_close();
    int result = real_dlclose(object);
    dl_iterate_phdr(count, &after);
    ar_stacks_end_close(before != after);
    return result;
}

int ar_ours_dlclose(void *object) __attribute__((alias("dlclose"), nothrow, nonnull(1)));
