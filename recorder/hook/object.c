#include "object.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* An object begins with its header. */
struct view {
    const ElfW(Ehdr) * header; /* NULL: not known */
    uintptr_t bias;            /* to add to an address of the file */
    struct ar_object span;
};

static const ElfW(Phdr) * segments(const struct view *v)
{
    return (const void *)((const char *)v->header + v->header->e_phoff);
}

static struct view view_of(const void *address)
{
    Dl_info info;
    struct view v = {0};
    if (!address || !dladdr(address, &info) || !info.dli_fbase)
        return v;
    v.header = info.dli_fbase;
    if (memcmp(v.header->e_ident, ELFMAG, SELFMAG) != 0)
        return (struct view){0};
    uintptr_t first = UINTPTR_MAX, end = 0;
    for (int i = 0; i < v.header->e_phnum; i++) {
        const ElfW(Phdr) *s = &segments(&v)[i];
        if (s->p_type == PT_LOAD && s->p_vaddr < first)
            first = s->p_vaddr & ~(s->p_align - 1);
        if (s->p_type == PT_LOAD && s->p_vaddr + s->p_memsz > end)
            end = s->p_vaddr + s->p_memsz;
    }
    if (end <= first)
        return (struct view){0};
    v.bias = (uintptr_t)v.header - first;
    v.span = (struct ar_object){v.bias + first, v.bias + end};
    return v;
}

struct ar_object ar_object_of(const void *address)
{
    return view_of(address).span;
}

/* The tables by which the loader finds a symbol in an object: it looks at no others. */
struct symbols {
    ElfW(Sym) * table;
    const char *names;
    const uint32_t *hashes; /* DT_GNU_HASH */
};

static bool find_symbols(const struct view *v, struct symbols *found)
{
    *found = (struct symbols){0};
    for (int i = 0; v->header && i < v->header->e_phnum; i++) {
        if (segments(v)[i].p_type != PT_DYNAMIC)
            continue;
        for (const ElfW(Dyn) *d = (const void *)(v->bias + segments(v)[i].p_vaddr); d->d_tag != DT_NULL; d++) {
            /* The loader makes addresses of the offsets, but where it cannot write. */
            const uintptr_t at = d->d_un.d_ptr < v->bias ? v->bias + d->d_un.d_ptr : d->d_un.d_ptr;
            if (d->d_tag == DT_SYMTAB)
                found->table = (ElfW(Sym) *)at;
            else if (d->d_tag == DT_STRTAB)
                found->names = (const char *)at;
            else if (d->d_tag == DT_GNU_HASH)
                found->hashes = (const uint32_t *)at;
        }
    }
    return found->table && found->names && found->hashes;
}

/* How the page of an address is mapped. A linker may have put the symbols beside code, which goes on running. */
static int protection(const struct view *v, uintptr_t address)
{
    for (int i = 0; i < v->header->e_phnum; i++) {
        const ElfW(Phdr) *s = &segments(v)[i];
        if (s->p_type == PT_LOAD && address - v->bias - s->p_vaddr < s->p_memsz)
            return (s->p_flags & PF_R ? PROT_READ : 0) | (s->p_flags & PF_W ? PROT_WRITE : 0) |
                   (s->p_flags & PF_X ? PROT_EXEC : 0);
    }
    return PROT_READ;
}

/* In this process's copy of the object, which nobody but the loader reads, and it reads it anew at each look-up (what
 * it keeps of one is where the symbol is). So this is in time for all that is bound later, and changes nothing of what
 * is bound. 0 is "not defined" to every glibc since 2.17, whatever else the symbol says.
 *
 * Another thread may be looking the name up just now. An address is aligned and stored at once: it finds the old
 * function or the new one, and both do. For 0 it would not do, as the loader looks at the value twice; so that is for
 * the constructor alone, and for names that no object of the program's start defines but ours: nobody looks for them.
 *
 * The symbols are in a segment that is only read, so RELRO does not concern them. Where their page cannot be made
 * writable (a filter, SELinux on a page with code), they stay as they are. A namespace of dlmopen or of an audit
 * library has a C library of its own, which stays as it is. Nothing is put back: the objects were loaded before us
 * or with us, and stay to the end. */
static void set_value(const struct view *v, ElfW(Sym) * symbol, ElfW(Addr) value)
{
    const uintptr_t page_size = getauxval(AT_PAGESZ), at = (uintptr_t)&symbol->st_value;
    void *page = (void *)(at & ~(page_size - 1)); /* a value is aligned: it lies in one page */
    int saved = errno, mapped = protection(v, at);
    if (mprotect(page, page_size, mapped | PROT_WRITE) == 0) {
        __atomic_store_n(&symbol->st_value, value, __ATOMIC_RELAXED);
        mprotect(page, page_size, mapped);
    }
    errno = saved;
}

void ar_rebind(const char *name, const void *function, const void *instead)
{
    const struct view v = view_of(function);
    struct symbols s;
    if (!find_symbols(&v, &s))
        return;
    /* As the loader walks it: buckets of chains, the last of a chain marked by the lowest bit of its hash. */
    const uint32_t buckets = s.hashes[0], first = s.hashes[1], bloom_words = s.hashes[2];
    const uint32_t *bucket = s.hashes + 4 + bloom_words * (sizeof(ElfW(Addr)) / sizeof *s.hashes);
    const uint32_t *chain = bucket + buckets;
    uint32_t hash = 5381;
    for (const char *c = name; *c; c++)
        hash = hash * 33 + (unsigned char)*c;
    uint32_t i = buckets ? bucket[hash % buckets] : 0;
    if (i < first)
        return;
    do {
        ElfW(Sym) *symbol = &s.table[i];
        /* Some functions are there in several versions. */
        if (symbol->st_shndx != SHN_UNDEF && v.bias + symbol->st_value == (uintptr_t)function &&
            strcmp(s.names + symbol->st_name, name) == 0)
            set_value(&v, symbol, instead ? (uintptr_t)instead - v.bias : 0);
    } while ((chain[i++ - first] & 1) == 0);
}
