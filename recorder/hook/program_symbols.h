/* The functions that the executable's file tells of, those included that no other object sees. */
#ifndef ALLOCREPLAY_PROGRAM_SYMBOLS_H
#define ALLOCREPLAY_PROGRAM_SYMBOLS_H

#include "object.h"

/* Shows each to `visit`. None where the file is stripped, or cannot be read. `bias`: see ar_program. */
void ar_program_symbols(uintptr_t bias, void (*visit)(const char *name, struct ar_symbol symbol, void *data),
                        void *data);

#endif
