/* How a program that runs already comes by the arena: who attached hands it an open descriptor. */
#ifndef ALLOCREPLAY_HANDOVER_H
#define ALLOCREPLAY_HANDOVER_H

/* From who listens at the socket of that name, within seconds. -errno: nobody gave one. */
long ar_handed_over(const char *path);

#endif
