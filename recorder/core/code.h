/* The code of this process: where it is mapped, what it is called, and how its frames are left. */
#ifndef ALLOCREPLAY_CODE_H
#define ALLOCREPLAY_CODE_H

#include "unwind.h"

/* Looks up what is needed later: in our constructor. */
void ar_code_resolve(void);

/* The object that holds an address; false: none, as with code that a program has made. Takes no lock. */
struct ar_module {
    struct ar_code code;
    const char *name; /* as the loader has it: empty for the executable */
};
bool ar_code_find(uint64_t ip, struct ar_module *object);

/* Of an object that is mapped; the bytes written. */
size_t ar_code_build_id(const struct ar_module *object, uint8_t *id, size_t size);

/* Rules by ip, of all threads. An entry is two words that only fit together if nobody has changed one meanwhile. */
#define AR_RULES (1u << 14)
struct ar_rule_entry {
    uint64_t mixed; /* ip ^ rule */
    ar_rule rule;
};
extern struct ar_rule_entry ar_rules[AR_RULES];

static inline struct ar_rule_entry *ar_rule_entry(uint64_t ip)
{
    return &ar_rules[(ip * 0x9e3779b97f4a7c15u) >> 50];
}

/* The rule for a return address. `found` is told what it is of; its name is NULL where nobody knows. */
ar_rule ar_code_rule_of(uint64_t ip, bool exact, struct ar_module *found);

static inline ar_rule ar_code_rule(uint64_t ip)
{
    struct ar_rule_entry *entry = ar_rule_entry(ip);
    ar_rule rule = __atomic_load_n(&entry->rule, __ATOMIC_RELAXED);
    return AR_LIKELY((__atomic_load_n(&entry->mixed, __ATOMIC_RELAXED) ^ rule) == ip) ? rule : AR_UNWIND_UNKNOWN;
}

/* An object has gone: another may come in its place. No thread has a frame of it. */
void ar_code_forget(void);

#endif
