/* The first call of malloc is one of newlocale, before any constructor, so with the C library's lock of locales held.
 * Prints whether that lock can be had at the end, and that no error of dlsym is left behind. */
#include <dlfcn.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

static locale_t early;

static void first(int argc, char **argv, char **environment)
{
    (void)argc, (void)argv, (void)environment;
    early = newlocale(LC_ALL_MASK, "C.UTF-8", (locale_t)0);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_all)(int, char **, char **) = first;

int main(void)
{
    const char *error = dlerror();
    alarm(10); /* a wait for the lock has no other end */
    if (early)
        freelocale(early);
    printf("%s\n", error ? error : "free");
    return 0;
}
