/* identity.c: what a recording says of its process. */
#ifndef ALLOCREPLAY_IDENTITY_H
#define ALLOCREPLAY_IDENTITY_H

#include "recording.h"

/* Ids and name. True: a filter of system calls is in place, and only such are safe that the loader makes. */
bool ar_look_at_self(struct ar_process *header, char name[16]);
void ar_identify(struct ar_process *header, bool filtered); /* a program's first image */
void ar_identify_child(struct ar_process *header);          /* what differs in a fork */
void ar_identify_clocks(struct ar_process *header);         /* and the magic, which is stored last */

#endif
