#include "object.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* What the loader knows of an object. */
struct view {
    const ElfW(Phdr) * segments; /* NULL: not known */
    int count;
    uintptr_t bias; /* to add to an address of the file */
    struct ar_object span;
};

static struct view view(const ElfW(Phdr) * segments, int count, uintptr_t bias)
{
    uintptr_t first = UINTPTR_MAX, end = 0;
    for (int i = 0; i < count; i++) {
        const ElfW(Phdr) *s = &segments[i];
        if (s->p_type == PT_LOAD && s->p_vaddr < first)
            first = s->p_vaddr & ~(s->p_align - 1);
        if (s->p_type == PT_LOAD && s->p_vaddr + s->p_memsz > end)
            end = s->p_vaddr + s->p_memsz;
    }
    if (end <= first)
        return (struct view){0};
    return (struct view){segments, count, bias, {bias + first, bias + end}};
}

struct search {
    uintptr_t address;
    struct view found;
};

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct search *search = data;
    const struct view v = view(info->dlpi_phdr, info->dlpi_phnum, info->dlpi_addr);
    if (!ar_is_in(&v.span, (const void *)search->address))
        return 0;
    search->found = v;
    return 1;
}

static struct view view_of(const void *address)
{
    struct search search = {(uintptr_t)address, {0}};
    if (address)
        dl_iterate_phdr(look_at, &search);
    return search.found;
}

struct ar_object ar_object_of(const void *address)
{
    return view_of(address).span;
}

/* The tables by which the loader finds a symbol in an object, and those of what it has bound there. */
struct tables {
    ElfW(Sym) * symbols;
    const char *names;
    const uint32_t *hashes;   /* DT_GNU_HASH: the loader looks at no other where this is */
    const uint16_t *versions; /* DT_VERSYM, or NULL */
    struct relocations {
        const ElfW(Rela) * first;
        size_t bytes;
    } calls, others;
};

static struct tables tables_of(const struct view *v)
{
    struct tables t = {0};
    for (int i = 0; i < v->count; i++) {
        if (v->segments[i].p_type != PT_DYNAMIC)
            continue;
        bool with_addends = true;
        for (const ElfW(Dyn) *d = (const void *)(v->bias + v->segments[i].p_vaddr); d->d_tag != DT_NULL; d++) {
            /* The loader makes addresses of the offsets, but where it cannot write. */
            const uintptr_t at = d->d_un.d_ptr < v->bias ? v->bias + d->d_un.d_ptr : d->d_un.d_ptr;
            switch (d->d_tag) {
            case DT_SYMTAB:
                t.symbols = (ElfW(Sym) *)at;
                break;
            case DT_STRTAB:
                t.names = (const char *)at;
                break;
            case DT_GNU_HASH:
                t.hashes = (const uint32_t *)at;
                break;
            case DT_VERSYM:
                t.versions = (const uint16_t *)at;
                break;
            case DT_JMPREL:
                t.calls.first = (const ElfW(Rela) *)at;
                break;
            case DT_PLTRELSZ:
                t.calls.bytes = d->d_un.d_val;
                break;
            case DT_PLTREL:
                with_addends = d->d_un.d_val == DT_RELA;
                break;
            case DT_RELA:
                t.others.first = (const ElfW(Rela) *)at;
                break;
            case DT_RELASZ:
                t.others.bytes = d->d_un.d_val;
                break;
            }
        }
        if (!with_addends)
            t.calls = (struct relocations){0};
    }
    return t;
}

/* How the page of an address is mapped. A linker may have put the symbols beside code, which goes on running. */
static int protection(const struct view *v, uintptr_t address)
{
    for (int i = 0; i < v->count; i++) {
        const ElfW(Phdr) *s = &v->segments[i];
        if (s->p_type == PT_LOAD && address - v->bias - s->p_vaddr < s->p_memsz)
            return (s->p_flags & PF_R ? PROT_READ : 0) | (s->p_flags & PF_W ? PROT_WRITE : 0) |
                   (s->p_flags & PF_X ? PROT_EXEC : 0);
    }
    return PROT_READ;
}

int ar_protection(const void *address)
{
    const struct view v = view_of(address);
    return protection(&v, (uintptr_t)address);
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
 * library has a C library of its own, which stays as it is. */
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

/* The next symbol of a name that the object defines, NULL behind the last: some functions are there in several
 * versions. As the loader walks it: buckets of chains, the last of a chain marked by the lowest bit of its hash. */
static ElfW(Sym) * defined(const struct tables *t, const char *name, const ElfW(Sym) * last)
{
    if (!t->symbols || !t->names || !t->hashes)
        return NULL;
    const uint32_t buckets = t->hashes[0], first = t->hashes[1], bloom_words = t->hashes[2];
    const uint32_t *bucket = t->hashes + 4 + bloom_words * (sizeof(ElfW(Addr)) / sizeof *t->hashes);
    const uint32_t *chain = bucket + buckets;
    uint32_t hash = 5381;
    for (const char *c = name; *c; c++)
        hash = hash * 33 + (unsigned char)*c;
    uint32_t i = buckets ? bucket[hash % buckets] : 0;
    if (i < first)
        return NULL;
    bool is_behind = !last;
    do {
        ElfW(Sym) *symbol = &t->symbols[i];
        if (is_behind && symbol->st_shndx != SHN_UNDEF && strcmp(t->names + symbol->st_name, name) == 0)
            return symbol;
        is_behind |= symbol == last;
    } while ((chain[i++ - first] & 1) == 0);
    return NULL;
}

void ar_rebind(const struct ar_rebinding *r, const void *home)
{
    const struct view v = view_of(home);
    const struct tables t = tables_of(&v);
    for (ElfW(Sym) *symbol = NULL; (symbol = defined(&t, r->name, symbol)) != NULL;)
        if (v.bias + symbol->st_value == (uintptr_t)r->function)
            set_value(&v, symbol, r->instead ? (uintptr_t)r->instead - v.bias : 0);
}

#if defined(__x86_64__)
enum { CALL_SLOT = R_X86_64_JUMP_SLOT, ADDRESS_SLOT = R_X86_64_GLOB_DAT, ADDRESS = R_X86_64_64 };
#else
enum { CALL_SLOT = R_AARCH64_JUMP_SLOT, ADDRESS_SLOT = R_AARCH64_GLOB_DAT, ADDRESS = R_AARCH64_ABS64 };
#endif

struct imports {
    const struct ar_rebinding *list;
    size_t count;
    struct ar_object but;
};

/* What the loader has made read-only since it bound: whole pages. */
static struct ar_object read_only_since(const struct view *v)
{
    const uintptr_t page = ~(getauxval(AT_PAGESZ) - 1);
    for (int i = 0; i < v->count; i++) {
        const ElfW(Phdr) *s = &v->segments[i];
        if (s->p_type == PT_GNU_RELRO && ((v->bias + s->p_vaddr) & page) < ((v->bias + s->p_vaddr + s->p_memsz) & page))
            return (struct ar_object){(v->bias + s->p_vaddr) & page, (v->bias + s->p_vaddr + s->p_memsz) & page};
    }
    return (struct ar_object){0};
}

/* What a slot that is bound to a function is to hold, or 0. By name and address both: one function may have several
 * names, as tcmalloc's free and operator delete. A slot that is not bound yet holds no function, and will be bound by
 * the symbol. */
static uintptr_t instead_of(const struct imports *imports, const char *name, uintptr_t bound)
{
    for (size_t i = 0; i < imports->count; i++) {
        const struct ar_rebinding *r = &imports->list[i];
        if (bound == (uintptr_t)r->function && strcmp(name, r->name) == 0)
            return (uintptr_t)r->instead;
    }
    return 0;
}

static int rebind_object(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    const struct imports *imports = data;
    const struct view v = view(info->dlpi_phdr, info->dlpi_phnum, info->dlpi_addr);
    if (!v.segments || v.span.start == imports->but.start)
        return 0;
    const struct tables t = tables_of(&v);
    if (!t.symbols || !t.names)
        return 0;
    const struct ar_object read_only = read_only_since(&v);
    const size_t length = read_only.end - read_only.start;
    const struct relocations *both[] = {&t.calls, &t.others};
    bool is_open = false;
    for (int n = 0; n < 2; n++) {
        const ElfW(Rela) *r = both[n]->first, *end = r ? r + both[n]->bytes / sizeof *r : NULL;
        for (; r < end; r++) {
            const uint32_t type = (uint32_t)r->r_info, symbol = (uint32_t)(r->r_info >> 32);
            uintptr_t *slot = (uintptr_t *)(v.bias + r->r_offset);
            if (symbol == 0 || (uintptr_t)slot % sizeof *slot || !(protection(&v, (uintptr_t)slot) & PROT_WRITE) ||
                !(type == CALL_SLOT || type == ADDRESS_SLOT || (type == ADDRESS && r->r_addend == 0)))
                continue;
            uintptr_t bound = __atomic_load_n(slot, __ATOMIC_RELAXED);
            const uintptr_t instead = instead_of(imports, t.names + t.symbols[symbol].st_name, bound);
            if (!instead)
                continue;
            if (ar_is_in(&read_only, slot) && !is_open &&
                !(is_open = mprotect((void *)read_only.start, length, PROT_READ | PROT_WRITE) == 0))
                continue;
            /* A word that the program is overwriting just now is its own. */
            __atomic_compare_exchange_n(slot, &bound, instead, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
        }
    }
    if (is_open)
        mprotect((void *)read_only.start, length, PROT_READ);
    return 0;
}

/* Under the loader's lock, so that no object goes meanwhile. */
void ar_rebind_imports(const struct ar_rebinding *list, size_t count, const void *but)
{
    struct imports imports = {list, count, ar_object_of(but)};
    const int saved = errno;
    dl_iterate_phdr(rebind_object, &imports);
    errno = saved;
}

/* Of several versions that of today; else the first. */
static struct ar_symbol function_of(const struct view *v, const struct tables *t, const char *name)
{
    struct ar_symbol found = {0};
    for (ElfW(Sym) *symbol = NULL; (symbol = defined(t, name, symbol)) != NULL;) {
        const unsigned type = symbol->st_info & 15;
        const bool is_old = t->versions && t->versions[symbol - t->symbols] & 0x8000;
        if (symbol->st_value == 0 || type == STT_TLS || type == STT_GNU_IFUNC || (is_old && found.address))
            continue;
        found = (struct ar_symbol){(void *)(v->bias + symbol->st_value), symbol->st_size};
        if (!is_old)
            break;
    }
    return found;
}

static int first_object(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    *(struct view *)data = view(info->dlpi_phdr, info->dlpi_phnum, info->dlpi_addr);
    return 1;
}

struct ar_object ar_program(uintptr_t *bias)
{
    struct view v = {0};
    dl_iterate_phdr(first_object, &v);
    *bias = v.bias;
    return v.span;
}

struct definitions {
    struct ar_wanted *wanted;
    size_t count;
    struct ar_object but;
};

static int find_definitions(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct definitions *all = data;
    const struct view v = view(info->dlpi_phdr, info->dlpi_phnum, info->dlpi_addr);
    if (!v.segments || v.span.start == all->but.start)
        return 0;
    const struct tables t = tables_of(&v);
    for (size_t i = 0; i < all->count; i++)
        if (!all->wanted[i].found.address)
            all->wanted[i].found = function_of(&v, &t, all->wanted[i].name);
    return 0;
}

void ar_definitions(struct ar_wanted *wanted, size_t count, const void *but)
{
    struct definitions all = {wanted, count, ar_object_of(but)};
    dl_iterate_phdr(find_definitions, &all);
}

/* Not by dlsym: that takes the stub of an executable which has the function's address for the function, and after the
 * stub's slot was changed it leads to us. */
void *ar_definition_of(const char *name, const void *but)
{
    struct ar_wanted wanted = {name, {0}};
    ar_definitions(&wanted, 1, but);
    return wanted.found.address;
}
