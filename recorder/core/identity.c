/* What a recording says of its process: ids, clocks, the allocator and its build. */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "identity.h"
#include "source.h"

struct build_id_search {
    uintptr_t base;
    struct ar_process *header;
};

static int find_build_id(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct build_id_search *search = data;
    uintptr_t first = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_addr + info->dlpi_phdr[i].p_vaddr < first)
            first = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    if ((first & ~(uintptr_t)4095) != (search->base & ~(uintptr_t)4095))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_NOTE)
            continue;
        const char *at = (const char *)(info->dlpi_addr + segment->p_vaddr), *end = at + segment->p_memsz;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const void *)at;
            const char *name = at + sizeof *note, *value = name + (note->n_namesz + 3) / 4 * 4;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
                size_t length =
                    note->n_descsz < sizeof search->header->build_id ? note->n_descsz : sizeof search->header->build_id;
                memcpy(search->header->build_id, value, length);
                search->header->build_id_length = (uint8_t)length;
                return 1;
            }
            at = value + (note->n_descsz + 3) / 4 * 4;
        }
    }
    return 1;
}

/* The text of a line of /proc/self/status, behind "NAME:\t". */
static const char *status_line(const char *status, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = status; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, "\t ");
    return "";
}

static uint32_t last_number(const char *line)
{
    uint32_t n = 0;
    for (; *line && *line != '\n'; line++)
        n = *line < '0' || *line > '9' ? 0 : n * 10 + (uint32_t)(*line - '0');
    return n;
}

bool ar_look_at_self(struct ar_process *h, char name[16])
{
    char status[4096];
    long length = 0, n = 0;
    long fd = ar_sys(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    while (fd >= 0 && length < (long)sizeof status - 1 &&
           (n = ar_sys(SYS_read, fd, status + length, sizeof status - 1 - (size_t)length)) > 0)
        length += n;
    if (fd >= 0)
        ar_sys(SYS_close, fd);
    status[length] = 0;
    const char *own_name = status_line(status, "Name");
    for (int i = 0; i < 15 && own_name[i] && own_name[i] != '\n'; i++)
        name[i] = own_name[i];
    if (last_number(status_line(status, "Seccomp")) != 0) {
        h->pid = last_number(status_line(status, "NSpid"));
        h->ppid = last_number(status_line(status, "PPid"));
        return true;
    }
    h->pid = (uint32_t)ar_sys(SYS_getpid);
    h->ppid = (uint32_t)ar_sys(SYS_getppid);
    return false;
}

void ar_identify(struct ar_process *h, bool filtered)
{
    Dl_info object;
    h->version_major = AR_VERSION_MAJOR;
    h->version_minor = AR_VERSION_MINOR;
    h->size = sizeof *h;
#if defined(__x86_64__)
    h->arch = AR_ARCH_X86_64;
#else
    h->arch = AR_ARCH_AARCH64;
#endif
    h->state = AR_STATE_RECORDING;
    /* So that a controlling process can make our threads pass a fence, instead of each paying for one at every call. A
     * fork inherits it. */
    if (!filtered && ar_sys(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0L, 0L) == 0)
        h->flags |= AR_PROCESS_EXPEDITED;
    h->flags |= ar_source_flags();
    if (dladdr(ar_source_malloc(), &object) && object.dli_fname) {
        ar_put_text(h->allocator, h->allocator + sizeof h->allocator, object.dli_fname);
        struct build_id_search search = {(uintptr_t)object.dli_fbase, h};
        dl_iterate_phdr(find_build_id, &search);
    }
    const char *started_as = (const char *)getauxval(AT_EXECFN);
    if (filtered || ar_sys(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", h->exe, sizeof h->exe - 1) < 0)
        ar_put_text(h->exe, h->exe + sizeof h->exe, started_as ? started_as : "");
}

/* No call of the loader: another thread may have held its lock when it forked. */
void ar_identify_child(struct ar_process *h)
{
    h->ppid = h->pid;
    h->pid = ar_own_pid(ar_self.os_tid);
    h->flags |= AR_PROCESS_FORKED;
}

/* Event times are kept in units of 4 to 8 ns: finer would only store the counter's own noise, and would cost a byte an
 * event. */
void ar_identify_clocks(struct ar_process *h)
{
    struct timespec wall = {0};
    ar_sys(SYS_clock_gettime, CLOCK_REALTIME, &wall);
    ar_read_clocks(&h->start_ticks, &h->start_mono_ns);
    h->realtime_ns = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec;
    do
        ar_read_clocks(&h->second_ticks, &h->second_mono_ns);
    while (h->second_mono_ns - h->start_mono_ns < 50000);
    uint64_t ticks = h->second_ticks - h->start_ticks, ns = h->second_mono_ns - h->start_mono_ns;
    while (h->tick_shift < 8 && (2u << h->tick_shift) * ns <= 8 * ticks)
        h->tick_shift++;
    __atomic_store_n(&h->magic, AR_PROCESS_MAGIC, __ATOMIC_RELEASE);
}
