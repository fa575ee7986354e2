/* Steps up random stacks by frame information that was changed at random, of a real object file that is loaded into a
 * buffer of the heap. To be built with the hook's unwind.c and a sanitizer, which reports what is read outside of the
 * object and of the stack.
 *
 *   unwind_fuzz OBJECT STEPS SEED [BEYOND]     BEYOND: bytes that are said to be of the object, and are not: a fault
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unwind.h"

static uint64_t state;
static uint64_t next(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below ? state % below : state;
}

static uint8_t *file;
static size_t file_size;

static void read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        exit(2);
    fseek(f, 0, SEEK_END);
    file_size = (size_t)ftell(f);
    rewind(f);
    file = malloc(file_size);
    if (fread(file, 1, file_size, f) != file_size)
        exit(2);
    fclose(f);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    read_file(argv[1]);
    const long steps = atol(argv[2]);
    state = (uint64_t)atol(argv[3]) * 2654435761u + 1;
    const Elf64_Ehdr *elf = (const Elf64_Ehdr *)file;
    const Elf64_Phdr *headers = (const Elf64_Phdr *)(file + elf->e_phoff);
    uint64_t size = 0, hdr = 0, hdr_size = 0;
    for (int i = 0; i < elf->e_phnum; i++) {
        if (headers[i].p_type == PT_LOAD && headers[i].p_vaddr + headers[i].p_filesz > size)
            size = headers[i].p_vaddr + headers[i].p_filesz;
        if (headers[i].p_type == PT_GNU_EH_FRAME) {
            hdr = headers[i].p_vaddr;
            hdr_size = headers[i].p_memsz;
        }
    }
    uint8_t *image = calloc(1, size), *sound = malloc(size), *stack = malloc(4096);
    for (int i = 0; i < elf->e_phnum; i++)
        if (headers[i].p_type == PT_LOAD)
            memcpy(image + headers[i].p_vaddr, file + headers[i].p_offset, headers[i].p_filesz);
    memcpy(sound, image, size);
    struct ar_code code = {(uint64_t)image, (uint64_t)image + size, image + hdr, {(uint64_t)image, 0}};
    code.tables.to = code.to + (argc > 4 ? (uint64_t)atol(argv[4]) : 0);
    const struct ar_extent extent = {(uint64_t)stack, (uint64_t)stack + 4096};
    /* The information itself is behind its header, and about five times as long. */
    uint64_t span = hdr_size * 6 < size - hdr ? hdr_size * 6 : size - hdr;
    uint32_t functions;
    memcpy(&functions, image + hdr + 8, sizeof functions);
    long kinds[8] = {0}, up = 0;
    for (long step = 0; step < steps; step++) {
        if (step % 64 == 0) { /* begin again from what is sound, with some bytes changed */
            memcpy(image + hdr, sound + hdr, span);
            for (uint64_t n = next(64); n > 0; n--)
                image[hdr + next(n % 4 ? span : 64)] = (uint8_t)next(0);
            for (int i = 0; i < 512; i++)
                ((uint64_t *)stack)[i] = next(4) ? (uint64_t)stack + next(4096) : next(0);
        }
        int32_t begin = 0;
        memcpy(&begin, sound + hdr + 12 + 8 * next(functions), sizeof begin);
        struct ar_frame frame = {
            .ip = next(16) ? code.from + hdr + (uint64_t)(int64_t)begin + next(200) : next(0),
            .sp = next(16) ? extent.from + next(512) * 8 : next(0),
            .bp = next(4) ? extent.from + next(4096) : next(0),
            .exact = next(2),
        };
        const ar_rule rule = ar_unwind_rule(&code, frame.ip, frame.exact);
        struct ar_frame plain = frame, longer = frame, pointed = frame;
        kinds[AR_RULE_KIND(rule)]++;
        if (AR_RULE_KIND(rule) == AR_UNWIND_PLAIN)
            up += ar_unwind_plain(&plain, rule, &extent);
        up += ar_unwind_long(&code, &longer, &extent);
        up += ar_unwind_by_pointer(&pointed, &extent);
    }
    free(file);
    free(image);
    free(sound);
    free(stack);
    printf("%ld steps: plain %ld, end %ld, long %ld, none %ld; %ld led up\n", steps, kinds[AR_UNWIND_PLAIN],
           kinds[AR_UNWIND_END], kinds[AR_UNWIND_LONG], kinds[AR_UNWIND_NONE], up);
    return 0;
}
