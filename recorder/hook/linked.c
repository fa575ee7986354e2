#include "linked.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "late.h"
#include "program_symbols.h"
#include "record.h"

/* ---- which they are ---- */

#define N AR_IS_0
#define ONE AR_IS_1
#define TAKE(name, op, size, count, alignment) {name, AR_LINKED_TAKE, AR_##op, 0, size, count, alignment, false, NULL},
#define NEW(name, op, size, count, alignment) {name, AR_LINKED_TAKE, AR_##op, 0, size, count, alignment, true, NULL},
#define INTO(name) {name, AR_LINKED_TAKE_INTO, AR_POSIX_MEMALIGN, 0, 2, ONE, 1, false, NULL},
#define RESIZE(name, op, block, size, count)                                                                           \
    {name, AR_LINKED_RESIZE, AR_##op##_BEGIN, block, size, count, N, false, NULL},
#define GIVE(name, op, size, alignment) {name, AR_LINKED_GIVE, AR_##op, 0, size, ONE, alignment, false, NULL},

/* The C functions, under names that begin so. */
#define STANDARD(p)                                                                                                    \
    TAKE(p "malloc", MALLOC, 0, ONE, N)                                                                                \
    TAKE(p "calloc", CALLOC, 1, 0, N)                                                                                  \
    RESIZE(p "realloc", REALLOC, 0, 1, ONE)                                                                            \
    RESIZE(p "reallocarray", REALLOCARRAY, 0, 2, 1)                                                                    \
    INTO(p "posix_memalign")                                                                                           \
    TAKE(p "aligned_alloc", ALIGNED_ALLOC, 1, ONE, 0)                                                                  \
    TAKE(p "memalign", MEMALIGN, 1, ONE, 0)                                                                            \
    TAKE(p "valloc", VALLOC, 0, ONE, N)                                                                                \
    TAKE(p "pvalloc", PVALLOC, 0, ONE, N)                                                                              \
    GIVE(p "free", FREE, N, N)                                                                                         \
    GIVE(p "free_sized", FREE_SIZED, 1, N)                                                                             \
    GIVE(p "cfree", FREE, N, N)

#define JEMALLOC(p)                                                                                                    \
    TAKE(p "mallocx", MALLOC, 0, ONE, AR_IS_FLAGS)                                                                     \
    RESIZE(p "rallocx", REALLOC, 0, 1, ONE)                                                                            \
    GIVE(p "dallocx", FREE, N, N)                                                                                      \
    GIVE(p "sdallocx", FREE_SIZED, 1, N)

#define MIMALLOC(p, h)                                                                                                 \
    TAKE(p "zalloc", CALLOC, h, ONE, N)                                                                                \
    TAKE(p "mallocn", MALLOC, h + 1, h, N)                                                                             \
    TAKE(p "malloc_small", MALLOC, h, ONE, N)                                                                          \
    TAKE(p "zalloc_small", CALLOC, h, ONE, N)                                                                          \
    TAKE(p "malloc_aligned", MALLOC, h, ONE, h + 1)                                                                    \
    TAKE(p "malloc_aligned_at", MALLOC, h, ONE, h + 1)                                                                 \
    TAKE(p "zalloc_aligned", CALLOC, h, ONE, h + 1)                                                                    \
    TAKE(p "zalloc_aligned_at", CALLOC, h, ONE, h + 1)                                                                 \
    TAKE(p "calloc_aligned", CALLOC, h + 1, h, h + 2)                                                                  \
    TAKE(p "calloc_aligned_at", CALLOC, h + 1, h, h + 2)                                                               \
    TAKE(p "strdup", MALLOC, AR_IS_TEXT, ONE, N)                                                                       \
    TAKE(p "strndup", MALLOC, AR_IS_TEXT, ONE, N)                                                                      \
    TAKE(p "realpath", MALLOC, AR_IS_TEXT, ONE, N)                                                                     \
    RESIZE(p "reallocn", REALLOCARRAY, h, h + 2, h + 1)                                                                \
    RESIZE(p "reallocf", REALLOC, h, h + 1, ONE)                                                                       \
    RESIZE(p "rezalloc", REALLOC, h, h + 1, ONE)                                                                       \
    RESIZE(p "recalloc", REALLOCARRAY, h, h + 2, h + 1)                                                                \
    RESIZE(p "realloc_aligned", REALLOC, h, h + 1, ONE)                                                                \
    RESIZE(p "realloc_aligned_at", REALLOC, h, h + 1, ONE)                                                             \
    RESIZE(p "rezalloc_aligned", REALLOC, h, h + 1, ONE)                                                               \
    RESIZE(p "rezalloc_aligned_at", REALLOC, h, h + 1, ONE)                                                            \
    RESIZE(p "recalloc_aligned", REALLOCARRAY, h, h + 2, h + 1)

/* Their first arguments are as those of the C functions and of the operators that they stand for. The names of the C
 * functions and of the operators themselves come last: these are the program's own, in its executable. */
/* clang-format off */
static struct ar_linked functions[] = {
    STANDARD("je_") JEMALLOC("je_") STANDARD("_rjem_") JEMALLOC("_rjem_") JEMALLOC("")
    STANDARD("mi_") MIMALLOC("mi_", 0) MIMALLOC("mi_heap_", 1)
    TAKE("mi_heap_malloc", MALLOC, 1, ONE, N)
    TAKE("mi_heap_calloc", CALLOC, 2, 1, N)
    RESIZE("mi_heap_realloc", REALLOC, 1, 2, ONE)
    GIVE("mi_free_size", FREE_SIZED, 1, N)
    GIVE("mi_free_size_aligned", FREE_ALIGNED_SIZED, 1, 2)
    GIVE("mi_free_aligned", FREE, N, N)
    NEW("mi_new", NEW, 0, ONE, N)
    NEW("mi_new_aligned", NEW_ALIGNED, 0, ONE, 1)
    TAKE("mi_new_nothrow", NEW_NOTHROW, 0, ONE, N)
    TAKE("mi_new_aligned_nothrow", NEW_ALIGNED_NOTHROW, 0, ONE, 1)
    NEW("mi_new_n", MALLOC, 1, 0, N)
    RESIZE("mi_new_realloc", REALLOC, 0, 1, ONE)
    RESIZE("mi_new_reallocn", REALLOCARRAY, 0, 2, 1)
    STANDARD("tc_")
    NEW("tc_malloc_skip_new_handler", MALLOC, 0, ONE, N)
    NEW("tc_new", NEW, 0, ONE, N)
    NEW("tc_newarray", NEW_ARRAY, 0, ONE, N)
    NEW("tc_new_aligned", NEW_ALIGNED, 0, ONE, 1)
    NEW("tc_newarray_aligned", NEW_ARRAY_ALIGNED, 0, ONE, 1)
    TAKE("tc_new_nothrow", NEW_NOTHROW, 0, ONE, N)
    TAKE("tc_newarray_nothrow", NEW_ARRAY_NOTHROW, 0, ONE, N)
    TAKE("tc_new_aligned_nothrow", NEW_ALIGNED_NOTHROW, 0, ONE, 1)
    TAKE("tc_newarray_aligned_nothrow", NEW_ARRAY_ALIGNED_NOTHROW, 0, ONE, 1)
    GIVE("tc_delete", DELETE, N, N)
    GIVE("tc_deletearray", DELETE_ARRAY, N, N)
    GIVE("tc_delete_nothrow", DELETE_NOTHROW, N, N)
    GIVE("tc_deletearray_nothrow", DELETE_ARRAY_NOTHROW, N, N)
    GIVE("tc_delete_sized", DELETE_SIZED, 1, N)
    GIVE("tc_deletearray_sized", DELETE_ARRAY_SIZED, 1, N)
    GIVE("tc_delete_aligned", DELETE_ALIGNED, N, 1)
    GIVE("tc_deletearray_aligned", DELETE_ARRAY_ALIGNED, N, 1)
    GIVE("tc_delete_sized_aligned", DELETE_SIZED_ALIGNED, 1, 2)
    GIVE("tc_deletearray_sized_aligned", DELETE_ARRAY_SIZED_ALIGNED, 1, 2)
    STANDARD("rp") /* rpmalloc */
    TAKE("rpaligned_calloc", CALLOC, 2, 1, 0)
    RESIZE("rpaligned_realloc", REALLOC, 0, 2, ONE)
    TAKE("sn_rust_alloc", MALLOC, 1, ONE, 0)
    TAKE("sn_rust_alloc_zeroed", CALLOC, 1, ONE, 0)
    RESIZE("sn_rust_realloc", REALLOC, 0, 3, ONE)
    GIVE("sn_rust_dealloc", FREE, N, N)

    STANDARD("")
    NEW("_Znwm", NEW, 0, ONE, N)
    NEW("_Znam", NEW_ARRAY, 0, ONE, N)
    NEW("_ZnwmSt11align_val_t", NEW_ALIGNED, 0, ONE, 1)
    NEW("_ZnamSt11align_val_t", NEW_ARRAY_ALIGNED, 0, ONE, 1)
    NEW("_ZnwmRKSt9nothrow_t", NEW_NOTHROW, 0, ONE, N)
    NEW("_ZnamRKSt9nothrow_t", NEW_ARRAY_NOTHROW, 0, ONE, N)
    NEW("_ZnwmSt11align_val_tRKSt9nothrow_t", NEW_ALIGNED_NOTHROW, 0, ONE, 1)
    NEW("_ZnamSt11align_val_tRKSt9nothrow_t", NEW_ARRAY_ALIGNED_NOTHROW, 0, ONE, 1)
    GIVE("_ZdlPv", DELETE, N, N)
    GIVE("_ZdaPv", DELETE_ARRAY, N, N)
    GIVE("_ZdlPvRKSt9nothrow_t", DELETE_NOTHROW, N, N)
    GIVE("_ZdaPvRKSt9nothrow_t", DELETE_ARRAY_NOTHROW, N, N)
    GIVE("_ZdlPvm", DELETE_SIZED, 1, N)
    GIVE("_ZdaPvm", DELETE_ARRAY_SIZED, 1, N)
    GIVE("_ZdlPvSt11align_val_t", DELETE_ALIGNED, N, 1)
    GIVE("_ZdaPvSt11align_val_t", DELETE_ARRAY_ALIGNED, N, 1)
    GIVE("_ZdlPvSt11align_val_tRKSt9nothrow_t", DELETE_ALIGNED_NOTHROW, N, 1)
    GIVE("_ZdaPvSt11align_val_tRKSt9nothrow_t", DELETE_ARRAY_ALIGNED_NOTHROW, N, 1)
    GIVE("_ZdlPvmSt11align_val_t", DELETE_SIZED_ALIGNED, 1, 2)
    GIVE("_ZdaPvmSt11align_val_t", DELETE_ARRAY_SIZED_ALIGNED, 1, 2)
};
/* clang-format on */

#define FUNCTIONS (sizeof functions / sizeof *functions)
_Static_assert(FUNCTIONS <= AR_DETOURS_MAX, "each may have a detour");
static const char FIRST_OF_PROGRAM[] = "malloc";

/* ---- where they are ---- */

/* By what is read of the executable's file, and by its exported symbols: those first. */
static struct ar_symbol in_program[FUNCTIONS];
static bool is_exported[FUNCTIONS];
static struct ar_wanted first_of[FUNCTIONS]; /* what other objects find by its name */

static int index_of(const char *name)
{
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (strcmp(functions[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* Two letters tell nearly all other names from ours: there may be hundreds of thousands. */
static bool may_be_ours(const char *name)
{
    static const char begins[][3] = {"je", "_r", "mi", "tc", "rp", "sn", "ma", "ca", "re", "po",
                                     "al", "me", "va", "pv", "fr", "cf", "ra", "da", "sd"};
    if (name[0] == '_' && name[1] == 'Z')
        return (name[2] == 'n' || name[2] == 'd') && (name[3] == 'w' || name[3] == 'a' || name[3] == 'l');
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (name[0] == begins[i][0] && name[1] == begins[i][1])
            return true;
    return false;
}

static void visit(const char *name, struct ar_symbol symbol, void *program)
{
    const int i = may_be_ours(name) ? index_of(name) : -1;
    if (i >= 0 && !in_program[i].address && ar_is_in(program, symbol.address))
        in_program[i] = symbol;
}

/* ---- what comes of it ---- */

#define LIBRARIES_MAX 128

struct ar_object ar_linked_program;

static bool found, missed;
static const void *program_malloc;
static struct ar_rebinding in_libraries[LIBRARIES_MAX];
static size_t libraries_count;

/* Where nobody can say, it is not. The kernel writes a line "Threads:", a tab and the number. By calls only that the
 * loader has just made. */
static bool is_only_thread(void)
{
    static const char line[] = "\nThreads:\t1\n";
    char text[4096];
    const long file = ar_sys(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    const long length = file < 0 ? 0 : ar_sys(SYS_read, file, text, sizeof text - 1);
    if (file >= 0)
        ar_sys(SYS_close, file);
    text[length > 0 ? length : 0] = 0;
    return strstr(text, line) != NULL;
}

/* Who attaches reads these, and puts them in place and takes them back (recorder/Attach/HookInside.cs). */
AR_OUTSIDE uint32_t allocreplay_detour_count;
AR_OUTSIDE struct ar_detour allocreplay_detours[AR_DETOURS_MAX];

struct own { /* of those that we interpose: where the real function is kept, and ours */
    const char *name;
    void **real;
    const void *ours;
    struct ar_operator *operator;
};

static const struct own *own_of(const char *name)
{
    static const struct own list[] = {
#define OWN_C(ret, name, params, args) {#name, (void **)&ar_real.name, (const void *)ar_ours_##name, NULL},
        AR_C_FUNCTIONS(OWN_C)
#undef OWN_C
#define OWN_OPERATOR(op, name, ...)                                                                                    \
    {#name, &ar_operators[AR_OPERATOR_##op].function, (const void *)ar_ours_##name, &ar_operators[AR_OPERATOR_##op]},
            AR_OPERATOR_FUNCTIONS(OWN_OPERATOR)
#undef OWN_OPERATOR
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

static void *trampolines[FUNCTIONS];

/* One function may have several names; and one that only goes on to another of the list is had there. */
static bool is_had(const struct ar_symbol *function, const struct ar_object *program)
{
    const void *const goes_on_to = ar_goes_on_to(function, program);
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (in_program[i].address &&
            ((trampolines[i] && in_program[i].address == function->address) || in_program[i].address == goes_on_to))
            return true;
    return false;
}

static void prepare(size_t i, const struct ar_object *program)
{
    if (is_had(&in_program[i], program))
        return;
    const void *stub = ar_stub(ar_linked_handlers[functions[i].shape], &functions[i]);
    struct ar_detour *d = &allocreplay_detours[allocreplay_detour_count];
    trampolines[i] = stub ? ar_detour_prepare(&in_program[i], program, stub, d) : NULL;
    allocreplay_detour_count += trampolines[i] != NULL;
    missed |= !trampolines[i];
}

/* Where all objects' calls come to the program's own function, that is the one behind ours. */
static const struct own *behind_ours(size_t i)
{
    return is_exported[i] ? own_of(functions[i].name) : NULL;
}

/* A program may have a function of such a name that is no allocator's, and takes other arguments. So names that begin
 * alike count where one of them takes blocks and one gives them back, by what these are called; no more is asked for,
 * as a linker leaves out what nobody calls. */
static void forget_namesakes(void)
{
    static const char *const beginnings[] = {"_rjem_", "je_", "mi_", "tc_", "rp", "sn_rust_", ""};
    enum { FAMILIES = sizeof beginnings / sizeof *beginnings };
    uint8_t family[FUNCTIONS];
    bool takes[FAMILIES] = {0}, gives[FAMILIES] = {0};
    const int end = index_of(FIRST_OF_PROGRAM);
    for (int i = 0; i < end; i++) {
        const char *name = functions[i].name;
        for (family[i] = 0; strncmp(name, beginnings[family[i]], strlen(beginnings[family[i]])) != 0;)
            family[i]++;
        const bool is_there = in_program[i].address || first_of[i].found.address;
        if (functions[i].shape == AR_LINKED_GIVE)
            gives[family[i]] |= is_there && (strstr(name, "free") || strstr(name, "alloc"));
        else
            takes[family[i]] |= is_there && strstr(name, "alloc");
    }
    for (int i = 0; i < end; i++)
        if (!takes[family[i]] || !gives[family[i]])
            in_program[i].address = first_of[i].found.address = NULL;
}

static void find_in_program(const struct ar_object *program, uintptr_t bias)
{
    for (size_t i = 0; i < FUNCTIONS; i++)
        first_of[i].name = functions[i].name;
    ar_definitions(first_of, FUNCTIONS, (const void *)ar_linked_find);
    for (size_t i = 0; i < FUNCTIONS; i++) {
        is_exported[i] = ar_is_in(program, first_of[i].found.address);
        if (is_exported[i])
            in_program[i] = first_of[i].found;
    }
    ar_program_symbols(bias, visit, (void *)program);
    forget_namesakes();
    const int first = index_of(FIRST_OF_PROGRAM), last = index_of("free");
    const bool has_own = in_program[first].address && in_program[last].address;
    /* Operator new alone is no sign: programs have their own, or libstdc++'s linked in, and those call malloc. */
    for (size_t i = (size_t)first; i < FUNCTIONS && !has_own; i++)
        in_program[i].address = NULL;
    program_malloc = is_exported[first] ? in_program[first].address : NULL;
}

static void prepare_program(const struct ar_object *program)
{
    for (int pass = 0; pass < 2; pass++) /* those first that other objects know by their names, as for is_had */
        for (size_t i = 0; i < FUNCTIONS; i++)
            if (in_program[i].address && (behind_ours(i) != NULL) == (pass == 0))
                prepare(i, program);
}

/* What was made can be run now. */
static void connect_program(const struct ar_object *program)
{
    for (size_t i = 0; i < FUNCTIONS; i++) {
        const struct own *own = behind_ours(i);
        if (!trampolines[i])
            continue;
        memcpy(&functions[i].real, &trampolines[i], sizeof trampolines[i]);
        if (!own)
            continue;
        *own->real = trampolines[i];
        if (own->operator)
            ar_real.new_direct = own->operator->direct = true;
    }
    if (allocreplay_detour_count)
        ar_linked_program = *program;
}

static void prepare_libraries(const struct ar_object *program)
{
    const int first = index_of(FIRST_OF_PROGRAM);
    for (int i = 0; i < first && libraries_count < LIBRARIES_MAX; i++) {
        void *function = in_program[i].address ? NULL : first_of[i].found.address;
        const void *stub = NULL;
        if (function && ar_detour_room(program))
            stub = ar_stub(ar_linked_handlers[functions[i].shape], &functions[i]);
        if (!stub)
            continue;
        memcpy(&functions[i].real, &function, sizeof function);
        in_libraries[libraries_count++] = (struct ar_rebinding){functions[i].name, function, stub};
    }
}

void ar_linked_find(bool late)
{
    uintptr_t bias;
    const struct ar_object program = ar_program(&bias);
    find_in_program(&program, bias);
    bool is_there = false;
    for (size_t i = 0; i < FUNCTIONS; i++)
        is_there |= in_program[i].address != NULL;
    if (is_there && (late || is_only_thread()) && ar_detour_room(&program))
        prepare_program(&program);
    else
        missed = is_there;
    prepare_libraries(&program);
    if (allocreplay_detour_count + libraries_count == 0)
        return;
    if (!ar_detour_seal()) {
        missed = true;
        allocreplay_detour_count = 0;
        libraries_count = 0;
        return;
    }
    connect_program(&program);
    for (uint32_t i = 0; i < allocreplay_detour_count && !late; i++)
        missed |= !ar_detour_apply(&allocreplay_detours[i]);
    found = !late && allocreplay_detour_count != 0;
}

size_t ar_linked_rebindings(struct ar_rebinding *list, size_t count)
{
    for (size_t i = 0; i < libraries_count && count < AR_REBINDINGS_MAX; i++)
        list[count++] = in_libraries[i];
    return count;
}

uint64_t ar_linked_flags(void)
{
    return (found ? AR_PROCESS_LINKED : 0) | (missed ? AR_PROCESS_LINKED_PARTLY : 0);
}

const void *ar_linked_malloc(void)
{
    return allocreplay_detour_count ? program_malloc : NULL;
}
