#include "program_symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "system.h"

/* A file, of which nothing is believed. */
struct file {
    const char *start;
    size_t size;
};

static const void *part(const struct file *f, uint64_t offset, uint64_t size)
{
    return offset <= f->size && size <= f->size - offset && offset % 8 == 0 ? f->start + offset : NULL;
}

static void visit_table(const struct file *f, const ElfW(Shdr) * table, const ElfW(Shdr) * text, uintptr_t bias,
                        void (*visit)(const char *, struct ar_symbol, void *), void *data)
{
    const ElfW(Sym) *symbols = part(f, table->sh_offset, table->sh_size);
    const char *names = text->sh_offset < f->size ? f->start + text->sh_offset : NULL;
    if (!symbols || !names || text->sh_size == 0 || text->sh_size > f->size - text->sh_offset ||
        names[text->sh_size - 1])
        return;
    for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
        const ElfW(Sym) *s = &symbols[i];
        if ((s->st_info & 15) == STT_FUNC && s->st_shndx != SHN_UNDEF && s->st_value && s->st_name < text->sh_size)
            visit(names + s->st_name, (struct ar_symbol){(void *)(bias + s->st_value), s->st_size}, data);
    }
}

static void visit_file(const struct file *f, uintptr_t bias, void (*visit)(const char *, struct ar_symbol, void *),
                       void *data)
{
    const ElfW(Ehdr) *header = part(f, 0, sizeof *header);
    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_shentsize != sizeof(ElfW(Shdr)))
        return;
    const ElfW(Shdr) *sections = part(f, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);
    for (size_t i = 0; sections && i < header->e_shnum; i++)
        if (sections[i].sh_type == SHT_SYMTAB && sections[i].sh_link < header->e_shnum)
            visit_table(f, &sections[i], &sections[sections[i].sh_link], bias, visit, data);
}

/* Only calls that the loader has just made: a filter of system calls may be in place already. */
void ar_program_symbols(uintptr_t bias, void (*visit)(const char *name, struct ar_symbol symbol, void *data),
                        void *data)
{
    const long fd = ar_sys(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    const long size = ar_sys(SYS_lseek, fd, 0, SEEK_END);
    const long map = size > 0 ? ar_sys(SYS_mmap, 0, size, PROT_READ, MAP_PRIVATE, fd, 0) : -1;
    ar_sys(SYS_close, fd);
    if (map > -4096 && map <= 0)
        return;
    visit_file(&(struct file){(const char *)map, (size_t)size}, bias, visit, data);
    ar_sys(SYS_munmap, map, size);
}
