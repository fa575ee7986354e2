/* Included into a build of the hook that is to be caught by a sanitizer: in the middle of an event, the fault that
 * PLANTED_FAULT names. */
#ifndef PLANTED_FAULT_H
#define PLANTED_FAULT_H

#define PLANTED_GLOBAL 1
#define PLANTED_STACK 2
#define PLANTED_RACE 3

static inline void planted_fault(void)
{
    static char global[40];
    char local[40];
    /* volatile: neither the compiler nor its checks of bounds, which would trap first, may see where it leads. */
    volatile char *volatile at = PLANTED_FAULT == PLANTED_STACK ? local : global;
    at[PLANTED_FAULT == PLANTED_RACE ? 0 : sizeof global]++;
}

#define AR_LITMUS_BEFORE_RAISE() ((void)0)
#define AR_LITMUS_BEFORE_WRITE(control) planted_fault()
#endif
