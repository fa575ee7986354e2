/* Opens each library that it is given (not global; after the word "deep", with RTLD_DEEPBIND), has each of them take,
 * then each drop what it took in the reverse order. After the word "close" it closes them and opens the rest in their
 * place. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARIES 8

static struct {
    void *library;
    void *(*take)(void);
    void (*drop)(void *);
    void *taken;
} opened[LIBRARIES];
static int count;

static void open_library(const char *path, int mode)
{
    void *library = dlopen(path, mode);
    if (!library || count == LIBRARIES) {
        fprintf(stderr, "%s\n", library ? "too many" : dlerror());
        exit(2);
    }
    opened[count].library = library;
    opened[count].take = (void *(*)(void))dlsym(library, "take");
    opened[count].drop = (void (*)(void *))dlsym(library, "drop");
    opened[count].taken = opened[count].take();
    count++;
}

static void close_libraries(void)
{
    for (int i = count; i-- > 0;)
        opened[i].drop(opened[i].taken);
    while (count > 0)
        dlclose(opened[--count].library);
}

int main(int argc, char **argv)
{
    int mode = RTLD_NOW | RTLD_LOCAL;
    if (dlerror()) /* nothing has failed yet */
        return 3;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "deep"))
            mode |= RTLD_DEEPBIND;
        else if (!strcmp(argv[i], "close"))
            close_libraries();
        else
            open_library(argv[i], mode);
    }
    close_libraries();
    return 0;
}
