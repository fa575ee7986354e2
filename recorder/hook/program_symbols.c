#include "program_symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "system.h"

/* Of the file nothing is believed, and it may change meanwhile: so what is needed of it is read into memory of our own.
 * By calls only that the loader has just made: a filter of system calls may be in place already. */
struct part {
    char *bytes;
    size_t size;
};

static struct part read_part(long file, uint64_t offset, uint64_t size)
{
    const uint64_t most = (uint64_t)1 << 30;
    if (size == 0 || size > most || offset > INT64_MAX - size)
        return (struct part){0};
    const long map = ar_sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct part p = {(char *)map, size};
    if (map > -4096 && map <= 0)
        return (struct part){0};
    for (size_t done = 0; done < size;) {
        const long n = ar_sys(SYS_pread64, file, p.bytes + done, size - done, offset + done);
        if (n <= 0) {
            ar_sys(SYS_munmap, p.bytes, p.size);
            return (struct part){0};
        }
        done += (size_t)n;
    }
    return p;
}

static void release(struct part p)
{
    if (p.bytes)
        ar_sys(SYS_munmap, p.bytes, p.size);
}

static void visit_table(struct part symbols, struct part names, uintptr_t bias,
                        void (*visit)(const char *, struct ar_symbol, void *), void *data)
{
    if (!symbols.bytes || !names.bytes || names.bytes[names.size - 1])
        return;
    const ElfW(Sym) *s = (const void *)symbols.bytes, *end = s + symbols.size / sizeof *s;
    for (; s < end; s++)
        if ((s->st_info & 15) == STT_FUNC && s->st_shndx != SHN_UNDEF && s->st_value && s->st_name < names.size)
            visit(names.bytes + s->st_name, (struct ar_symbol){(void *)(bias + s->st_value), s->st_size}, data);
}

static void visit_file(long file, uintptr_t bias, void (*visit)(const char *, struct ar_symbol, void *), void *data)
{
    ElfW(Ehdr) header;
    if (ar_sys(SYS_pread64, file, &header, sizeof header, 0) != sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_shentsize != sizeof(ElfW(Shdr)))
        return;
    const struct part sections = read_part(file, header.e_shoff, (uint64_t)header.e_shnum * sizeof(ElfW(Shdr)));
    const ElfW(Shdr) *all = (const void *)sections.bytes;
    for (size_t i = 0; all && i < header.e_shnum; i++) {
        if (all[i].sh_type != SHT_SYMTAB || all[i].sh_link >= header.e_shnum)
            continue;
        const ElfW(Shdr) *text = &all[all[i].sh_link];
        const struct part symbols = read_part(file, all[i].sh_offset, all[i].sh_size);
        const struct part names = read_part(file, text->sh_offset, text->sh_size);
        visit_table(symbols, names, bias, visit, data);
        release(symbols);
        release(names);
    }
    release(sections);
}

void ar_program_symbols(uintptr_t bias, void (*visit)(const char *name, struct ar_symbol symbol, void *data),
                        void *data)
{
    const long file = ar_sys(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
    if (file < 0)
        return;
    visit_file(file, bias, visit, data);
    ar_sys(SYS_close, file);
}
