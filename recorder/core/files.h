/* files.c: the directory SESSION/pPID.N and what is in it, of a process that writes its own recording. Errors are
 * -errno. */
#ifndef ALLOCREPLAY_FILES_H
#define ALLOCREPLAY_FILES_H

#include "recording.h"

int ar_directory_make(const char *session);
void ar_directory_remove(void); /* while it is empty */
const char *ar_directory(void); /* empty before it was made */
bool ar_session_is_stopped(const char *session);
struct ar_process *ar_header_map(int *error); /* creates `process`; NULL and a positive errno on failure */
int ar_files_create(void);                    /* `events` and `tails`; leaves neither open on failure */
void ar_files_close(void);
void ar_copy_proc(const char *source, const char *name); /* a file of procfs; losing it costs metadata only */
void ar_mark_start(const struct ar_process *header);
bool ar_write_chunk(const struct ar_chunk *chunk, struct ar_why *why); /* appends it to `events` */
int ar_tails_file(void); /* descriptor of `tails`, reopened if the program closed it */

#endif
