/* What the parts of a recording's start and end share: process.c, files.c, identity.c, text.c, system.c. */
#ifndef ALLOCREPLAY_PROCESS_H
#define ALLOCREPLAY_PROCESS_H

#include "hook.h"

/* files.c: the directory SESSION/pPID.N and what is in it. Errors are -errno. */
int ar_directory_make(const char *session);
void ar_directory_remove(void); /* while it is empty */
const char *ar_directory(void); /* empty before it was made */
bool ar_session_is_stopped(const char *session);
struct ar_process *ar_header_map(int *error); /* creates `process`; NULL and a positive errno on failure */
int ar_files_create(void);                    /* `events` and `tails`; leaves neither open on failure */
void ar_files_close(void);
void ar_copy_proc(const char *source, const char *name); /* a file of procfs; losing it costs metadata only */
void ar_mark_start(const struct ar_process *header);

/* identity.c */
void ar_fill_header(struct ar_process *header, bool forked);

/* system.c */
void ar_read_clocks(uint64_t *ticks, uint64_t *ns);

/* text.c: appends to a bounded buffer, and returns its new end. */
char *ar_put_text(char *at, char *end, const char *text);
char *ar_put_number(char *at, char *end, uint64_t n);
void ar_say(const char *what, int error, const char *where); /* one line on standard error */

#endif
