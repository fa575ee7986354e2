/* Does what its standard input says, a line each, and answers each with a line when all of it is done:
 *
 *   m COUNT SIZE     acquires blocks and keeps them
 *   f COUNT          frees those that were acquired last
 *   t THREADS SIZE   as many threads acquire four blocks each and free one, one thread after the other, and end
 *   k SIZE           forks a child that acquires four blocks, and waits for its end
 *
 * It answers with its own process id first. What the C library acquires is smaller than what is asked for here.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 100000

static void *blocks[BLOCKS];
static int count;

static void keep(int number, size_t size)
{
    for (int i = 0; i < number; i++)
        blocks[count++] = malloc(size);
}

static void *work(void *size)
{
    keep(4, (size_t)size);
    free(blocks[--count]);
    return NULL;
}

static void answer(long number)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", number);
    if (write(1, text, (size_t)length) != length)
        abort();
}

/* By read(2), a byte at a time: stdio would acquire a buffer. */
static int read_line(char *line, int size)
{
    int length = 0;
    while (length < size - 1 && read(0, line + length, 1) == 1)
        if (line[length++] == '\n')
            break;
    line[length] = 0;
    return length;
}

int main(void)
{
    char line[64], what;
    long number, size;
    answer(getpid());
    while (read_line(line, sizeof line) > 0) {
        size = 0;
        if (sscanf(line, "%c %ld %ld", &what, &number, &size) < 2)
            return 2;
        if (what == 'm')
            keep((int)number, (size_t)size);
        else if (what == 'f')
            for (long i = 0; i < number; i++)
                free(blocks[--count]);
        else if (what == 't')
            for (long i = 0; i < number; i++) {
                pthread_t thread;
                if (pthread_create(&thread, NULL, work, (void *)size) || pthread_join(thread, NULL))
                    return 3;
            }
        else if (what == 'k') {
            pid_t child = fork();
            if (child == 0) {
                keep(4, (size_t)number);
                _exit(0);
            }
            waitpid(child, NULL, 0);
        }
        answer(number);
    }
    return 0;
}
