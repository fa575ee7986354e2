/* The loader's view of the code, by a function that takes no lock (glibc 2.35 and later). */
#include "code.h"

#include <link.h>
#include <string.h>

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

void ar_code_resolve(void)
{
    find_object = (int (*)(void *, struct found_object *))ar_next("_dl_find_object");
}

bool ar_code_find(uint64_t ip, struct ar_module *object)
{
    struct found_object found;
    if (!find_object || find_object((void *)ip, &found) != 0)
        return false;
    object->code = (struct ar_code){(uint64_t)found.map_start, (uint64_t)found.map_end, found.eh_frame};
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
