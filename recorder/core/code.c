/* The loader's view of the code, by a function that takes no lock (glibc 2.35 and later). */
#include "code.h"

#include <link.h>
#include <string.h>
#include <sys/auxv.h>

struct ar_rule_entry ar_rules[AR_RULES];

/* struct dl_find_object of <dlfcn.h>, which older headers lack. */
struct found_object {
    unsigned long long flags;
    void *map_start, *map_end;
    struct link_map *link_map;
    void *eh_frame; /* PT_GNU_EH_FRAME, or NULL */
    unsigned long long reserved[8];
};
static int (*find_object)(void *, struct found_object *);

/* The executable as the kernel has mapped it: its segments may lie apart, and then the loader gives the one that an
 * address is in, where the tables are in another. (Of a library the loader reserves all that is between.) */
static struct ar_code executable;

static void look_at_executable(void)
{
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    const uint64_t count = headers ? getauxval(AT_PHNUM) : 0;
    uint64_t bias = 0, tables = 0;
    struct ar_code code = {.from = UINT64_MAX};
    for (uint64_t i = 0; i < count; i++)
        if (headers[i].p_type == PT_PHDR)
            bias = (uint64_t)headers - headers[i].p_vaddr;
        else if (headers[i].p_type == PT_GNU_EH_FRAME)
            tables = headers[i].p_vaddr;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t from = bias + headers[i].p_vaddr, to = from + headers[i].p_memsz;
        if (headers[i].p_type != PT_LOAD)
            continue;
        code.from = from < code.from ? from & ~(uint64_t)4095 : code.from;
        code.to = to > code.to ? to : code.to;
        if (tables && bias + tables >= from && bias + tables < to) {
            code.header = (const uint8_t *)(bias + tables);
            code.tables = (struct ar_extent){from, to};
        }
    }
    executable = code;
}

void ar_code_resolve(void)
{
    look_at_executable();
    find_object = (int (*)(void *, struct found_object *))ar_next("_dl_find_object");
}

bool ar_code_find(uint64_t ip, struct ar_module *object)
{
    struct found_object found;
    if (!find_object || find_object((void *)ip, &found) != 0)
        return false;
    const struct ar_extent all = {(uint64_t)found.map_start, (uint64_t)found.map_end};
    object->code = (struct ar_code){all.from, all.to, found.eh_frame, all};
    if (AR_UNLIKELY(found.eh_frame && !ar_within(&all, (uint64_t)found.eh_frame)) &&
        found.eh_frame == executable.header)
        object->code = executable;
    object->name = found.link_map && found.link_map->l_name ? found.link_map->l_name : "";
    return true;
}

ar_rule ar_code_rule_of(uint64_t ip, bool exact, struct ar_module *found)
{
    ar_rule rule = AR_RULE(AR_UNWIND_NONE, 0, 0, 0, 0);
    found->name = NULL;
    if (ar_code_find(ip - !exact, found) && found->code.header)
        rule = ar_unwind_rule(&found->code, ip, exact);
    if (!exact) {
        struct ar_rule_entry *entry = ar_rule_entry(ip);
        __atomic_store_n(&entry->rule, rule, __ATOMIC_RELAXED);
        __atomic_store_n(&entry->mixed, ip ^ rule, __ATOMIC_RELAXED);
    }
    return rule;
}

void ar_code_forget(void)
{
    for (unsigned i = 0; i < AR_RULES; i++)
        __atomic_store_n(&ar_rules[i].mixed, 0, __ATOMIC_RELAXED);
}

size_t ar_code_build_id(const struct ar_module *object, uint8_t *id, size_t size)
{
    const ElfW(Ehdr) *elf = (const ElfW(Ehdr) *)object->code.from;
    const uint64_t mapped = object->code.to - object->code.from;
    if (mapped < sizeof *elf || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_phoff > mapped ||
        elf->e_phnum > (mapped - elf->e_phoff) / sizeof(ElfW(Phdr)))
        return 0;
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)(object->code.from + elf->e_phoff);
    uint64_t bias = 0;
    for (int i = 0; i < elf->e_phnum; i++)
        if (headers[i].p_type == PT_LOAD && headers[i].p_offset == 0)
            bias = object->code.from - headers[i].p_vaddr;
    for (int i = 0; i < elf->e_phnum; i++) {
        const uint64_t from = bias + headers[i].p_vaddr, length = headers[i].p_memsz;
        if (headers[i].p_type != PT_NOTE || from < object->code.from || from > object->code.to ||
            length > object->code.to - from)
            continue;
        for (uint64_t at = 0; at + sizeof(ElfW(Nhdr)) <= length;) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(from + at);
            const uint64_t name = at + sizeof *note, value = name + ((note->n_namesz + 3u) & ~3u);
            const uint64_t next = value + ((note->n_descsz + 3u) & ~3u);
            if (value > length || note->n_descsz > length - value)
                break;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && note->n_descsz <= size) {
                memcpy(id, (const void *)(from + value), note->n_descsz);
                return note->n_descsz;
            }
            at = next;
        }
    }
    return 0;
}
