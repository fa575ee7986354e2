// The program of the notebooks: a small shop, with one leak, one habit that fragments the heap, and a second release.
//     cc -O1 -g -o shop shop.c && ./shop [RELEASE [REQUESTS]]
// RELEASE is 1 or 2, 1 by default; REQUESTS is 60,000 by default, about a second.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline)) // so that each is a function of its own on the stacks

enum { ITEMS = 4096, OPEN_SESSIONS = 256, ROWS = 3000, ROW_BYTES = 3000, HEADERS = 8 };

struct session {
    char *name;
    uint64_t basket[50];
};

static int release = 1;
static char *catalogue[ITEMS], *prices[ITEMS];
static struct session *sessions[OPEN_SESSIONS];
static uint32_t *row_index[ROWS];

static inline __attribute__((always_inline)) void *take(size_t size)
{
    void *block = malloc(size);
    if (!block)
        abort();
    return memset(block, 1, size);
}

// What takes the time of a request: about 20 µs.
static NOINLINE unsigned think(unsigned value)
{
    for (int i = 0; i < 10000; i++)
        value = value * 1664525u + 1013904223u;
    return value >> 31;
}

// What is set up once and kept: it is there at the end, and is no leak.
static NOINLINE void load_catalogue(void)
{
    for (int i = 0; i < ITEMS; i++)
        catalogue[i] = take(120);
}

// A cache: it fills, and is full. The second release keeps more of each price.
static NOINLINE const char *price_of(unsigned item)
{
    if (!prices[item])
        prices[item] = take(release == 1 ? 64 : 640);
    return prices[item];
}

// The leak: a session gives its place to another; of every seventh nobody thinks any more.
static NOINLINE void log_in(unsigned request)
{
    struct session **place = &sessions[request % OPEN_SESSIONS];
    if (*place && request % 7 != 0) {
        free((*place)->name);
        free(*place);
    }
    *place = take(sizeof **place);
    (*place)->name = take(24);
}

// Short lives. The second release takes a block for each header.
static NOINLINE unsigned parse_request(unsigned request)
{
    char *headers[HEADERS], *text = take(600 + request % 400);
    unsigned sum = 0;
    for (int i = 0; release == 2 && i < HEADERS; i++)
        headers[i] = take(40 + request % 60);
    for (int i = 0; release == 2 && i < HEADERS; i++) {
        sum += (unsigned char)headers[i][0];
        free(headers[i]);
    }
    sum += (unsigned char)text[0];
    free(text);
    return sum;
}

static NOINLINE unsigned format_answer(unsigned item)
{
    char *page = take(2000 + item % 1000);
    memcpy(page, price_of(item), 64);
    unsigned sum = (unsigned char)page[10];
    free(page);
    return sum;
}

// A few bytes that are kept of each row, taken between two rows.
static NOINLINE void index_row(unsigned row)
{
    row_index[row] = take(40);
}

// The report of the day: large, and soon given back. What index_row keeps lies between the holes.
static NOINLINE void write_report(void)
{
    char *rows[ROWS];
    for (unsigned i = 0; i < ROWS; i++) {
        rows[i] = take(ROW_BYTES);
        index_row(i);
    }
    for (unsigned i = 0; i < ROWS; i++)
        free(rows[i]);
}

int main(int count, char **arguments)
{
    release = count > 1 ? atoi(arguments[1]) : 1;
    unsigned requests = count > 2 ? (unsigned)atoi(arguments[2]) : 60000, sum = 0;
    load_catalogue();
    for (unsigned request = 1; request <= requests; request++) {
        sum += think(request) + parse_request(request);
        if (request % 4 == 0)
            log_in(request / 4);
        sum += format_answer(request * 2654435761u % ITEMS);
        if (request == requests - requests / 4)
            write_report();
    }
    printf("%u requests, %u\n", requests, sum);
    return 0;
}
