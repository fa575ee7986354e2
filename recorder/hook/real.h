/* The functions behind ours. They come from RTLD_NEXT, never from __libc_*: the program's own allocator stays in
 * charge. */
#ifndef ALLOCREPLAY_REAL_H
#define ALLOCREPLAY_REAL_H

#include <stdbool.h>
#include <stddef.h>

#include "interposed.h"
#include "object.h"

/* Until they are resolved, the pointers lead to stubs that resolve them: the fast path needs no check. */
struct ar_real_functions {
#define AR_REAL_C(ret, name, params, args) ret(*name) params;
    AR_C_FUNCTIONS(AR_REAL_C)
#undef AR_REAL_C
    /* Operator new comes from the object that malloc comes from: it does not pass through malloc, so it is recorded. */
    bool new_direct;
};
extern struct ar_real_functions ar_real;

/* The objects of malloc, and of ourselves. */
extern struct ar_object ar_allocator, ar_hook;

/* Each operator: its function, NULL where there is none behind ours, and whether it comes from malloc's object. */
struct ar_operator {
    void *function;
    bool direct;
};
enum {
#define AR_OPERATOR(op, ...) AR_OPERATOR_##op,
    AR_OPERATOR_FUNCTIONS(AR_OPERATOR) AR_OPERATORS
#undef AR_OPERATOR
};
extern struct ar_operator ar_operators[AR_OPERATORS];

/* Ours, by names that nobody else can define: interpose.c, interpose_new.c. */
#define AR_HIDDEN __attribute__((visibility("hidden")))
#define AR_DECLARE_C(ret, name, params, args) AR_HIDDEN ret ar_ours_##name params;
#define AR_DECLARE_NEW(op, name, params, ...) AR_HIDDEN void *ar_ours_##name params;
#define AR_DECLARE_DELETE(op, name, params, ...) AR_HIDDEN void ar_ours_##name params;
AR_C_FUNCTIONS(AR_DECLARE_C)
AR_NEW_FUNCTIONS(AR_DECLARE_NEW)
AR_DELETE_FUNCTIONS(AR_DECLARE_DELETE)
#undef AR_DECLARE_C
#undef AR_DECLARE_NEW
#undef AR_DECLARE_DELETE

/* What is to lead to ours, where it does not by the order of the objects: functions of allocation, as far as there are
 * others behind ours; with `all`, what the core wraps too. Returns how many. */
#define AR_REBINDINGS_MAX 192
size_t ar_rebindings(struct ar_rebinding list[AR_REBINDINGS_MAX], bool all);

/* The function of one that is called before any has been looked up. */
void *ar_operator_first(struct ar_operator *op);

#endif
