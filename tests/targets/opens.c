/* Opens the library that is named, and ends with 0 if it is there. */
#include <dlfcn.h>

int main(int count, char **arguments)
{
    return count > 1 && dlopen(arguments[1], RTLD_NOW) ? 0 : 4;
}
