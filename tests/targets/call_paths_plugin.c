/* A library that calls back, by a function that has the name of PLUGIN; PADDING bytes of code before it. */
#include <stddef.h>

#define NAME_OF(plugin) in_plugin_##plugin
#define FUNCTION(plugin) NAME_OF(plugin)

__attribute__((noinline)) void FUNCTION(PLUGIN)(void (*take)(size_t), size_t size)
{
    take(size);
    __asm__ volatile(".skip " PADDING ", 0x90");
}

void in_plugin_of(void (*take)(size_t), size_t size)
{
    FUNCTION(PLUGIN)(take, size);
    __asm__ volatile("");
}
