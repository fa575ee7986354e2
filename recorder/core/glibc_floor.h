/* Included before everything else: binds what glibc 2.33 and 2.34 moved between its libraries to the versions that
 * older ones have, so that a hook built on a new system loads on an old one. tests/golden/hook-symbols.txt shows the
 * result. */
#ifndef ALLOCREPLAY_GLIBC_FLOOR_H
#define ALLOCREPLAY_GLIBC_FLOOR_H

#include <features.h>

#if defined(__GLIBC__) && defined(__x86_64__)
#define AR_FLOOR "GLIBC_2.2.5"
#elif defined(__GLIBC__) && defined(__aarch64__)
#define AR_FLOOR "GLIBC_2.17"
#endif

#ifdef AR_FLOOR
#define AR_BIND(name) __asm__(".symver " #name "," #name "@" AR_FLOOR)
AR_BIND(dlsym);
AR_BIND(dladdr);
AR_BIND(dlerror);
AR_BIND(pthread_attr_getstack);
AR_BIND(pthread_attr_getstacksize);
AR_BIND(pthread_getattr_np);
AR_BIND(pthread_key_create);
AR_BIND(pthread_setspecific);
#undef AR_BIND
#undef AR_FLOOR
#endif

#endif
