/* The functions behind ours. They come from RTLD_NEXT, never from __libc_*: the program's own allocator stays in
 * charge. */
#ifndef ALLOCREPLAY_REAL_H
#define ALLOCREPLAY_REAL_H

#include <stdbool.h>
#include <stddef.h>

#include "interposed.h"

/* Until they are resolved, the pointers lead to stubs that resolve them: the fast path needs no check. */
struct ar_real_functions {
#define AR_REAL_C(ret, name, params, args) ret(*name) params;
    AR_C_FUNCTIONS(AR_REAL_C)
#undef AR_REAL_C
    /* Operator new comes from the object that malloc comes from: it does not pass through malloc, so it is recorded. */
    bool new_direct;
};
extern struct ar_real_functions ar_real;

/* Blocks that were handed out before the functions were known: they stay where they are. */
bool ar_in_bootstrap(const void *p);
size_t ar_bootstrap_size(const void *p);

/* Each operator: its function, and whether it comes from malloc's object. */
struct ar_operator {
    const char *name;
    void *function;
    bool direct;
};
enum {
#define AR_OPERATOR(op, ...) AR_OPERATOR_##op,
    AR_OPERATOR_FUNCTIONS(AR_OPERATOR) AR_OPERATORS
#undef AR_OPERATOR
};
extern struct ar_operator ar_operators[AR_OPERATORS];

/* Looks an operator up on behalf of a caller that has one in sight though RTLD_NEXT has not: a library that was opened
 * with RTLD_LOCAL and brings its C++ runtime along. */
void *ar_operator_for(struct ar_operator *op, void *caller);

#endif
