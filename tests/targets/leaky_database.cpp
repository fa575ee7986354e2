// "sedge": a small time series database daemon, played through in about four seconds.
//
// Two ingest shards take lines from agents over long and short connections, a query server parses and evaluates
// dashboard queries, an alert manager evaluates rules and notifies receivers, a maintenance thread compacts blocks and
// takes snapshots, and the main thread runs the timer wheel, configuration reloads, plug-ins and replication.
// Everything is driven by a tick of 10 ms; every component has a random generator of its own with a fixed seed, so that
// what is leaked does not depend upon the scheduling of the threads.
//
// leak_00 .. leak_19 acquire memory that is lost, or that is kept for ever in growing amounts.
// fine_00 .. fine_39 are healthy: their live memory is bounded and reaches its plateau in the first half of the run.
//
// Build: g++ -g -O1 -pthread -Wall -Wextra leaky_database.cpp -o leaky_database

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cmath>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#define NI __attribute__((noinline, noclone))

// ---------------------------------------------------------------------------------------------------------------------
// Base: time, random numbers, allocation helpers that everybody uses.

static const int kTicks = 400;
static const std::chrono::milliseconds kTickLength(10);
static std::chrono::steady_clock::time_point g_start;

template <class Body>
static void run_ticks(Body body) {
    for (int tick = 0; tick < kTicks; tick++) {
        body(tick);
        std::this_thread::sleep_until(g_start + (tick + 1) * kTickLength);
    }
}

class Rng {
public:
    explicit Rng(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 0x1234567) {}
    uint64_t next() {
        uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return z ^ (z >> 31);
    }
    int below(int n) { return (int)(next() % (uint64_t)n); }
    bool one_in(int n) { return below(n) == 0; }
    int pareto(int least, int most, double alpha) {
        double u = (double)((next() >> 11) + 1) / 9007199254740993.0;
        double x = least / pow(u, 1.0 / alpha);
        return x > most ? most : (int)x;
    }

private:
    uint64_t state_;
};

static void keep(const void* p) { asm volatile("" : : "r"(p) : "memory"); }

NI static void* xmalloc(size_t n) {
    void* p = malloc(n);
    if (!p) abort();
    keep(p);
    return p;
}

NI static void* xrealloc(void* old, size_t n) {
    void* p = realloc(old, n);
    if (!p) abort();
    keep(p);
    return p;
}

NI static void* xcalloc(size_t count, size_t size) {
    void* p = calloc(count, size);
    if (!p) abort();
    keep(p);
    return p;
}

NI static char* dup_n(const char* s, size_t n) {
    char* p = (char*)xmalloc(n + 1);
    memcpy(p, s, n);
    p[n] = 0;
    return p;
}

static uint64_t hash_text(const char* s, size_t n) {
    uint64_t h = 1469598103934665603ull;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 1099511628211ull;
    return h;
}

// ---------------------------------------------------------------------------------------------------------------------
// Ingest.

struct InternTable {
    std::mutex mu;
    std::unordered_set<std::string> set;
};
static InternTable* g_intern = new InternTable;  // lives for ever

struct Chunk {
    Chunk* next;
    uint64_t series;
    int used;
    double values[16];
    int64_t times[16];
};

struct SealedQueue {
    std::mutex mu;
    Chunk* head = nullptr;
    int length = 0;
};
static SealedQueue g_sealed;

struct WalBuf {
    char* data;
    size_t len, cap;
};

struct WalQueue {
    std::mutex mu;
    std::vector<WalBuf> full;
};
static WalQueue g_wal_full;

struct Series {
    uint64_t key;
    std::string name;
    const char* labels[3];
    Chunk* head;
    int last_tick;
};

struct Listener {
    int conn_id;
    std::string topic;
    std::string last_payload;
};

struct EventBus {
    std::mutex mu;
    std::list<Listener*> listeners;
};
static EventBus g_bus;

struct TlsState {
    char transcript[1600];
    char* session_ticket;
};

struct Conn {
    int id = 0;
    bool persistent = false;
    bool stalled = false;
    int close_tick = 0;
    int handshake_done_tick = 0;
    int send_every = 1;
    uint32_t* seq_window = nullptr;
    char* out = nullptr;
    size_t out_len = 0, out_cap = 0;
    TlsState* tls = nullptr;
    Listener* listener = nullptr;
};

struct ParsedLine {
    char* text;
    const char* metric;
    const char* host;
    const char* dc;
    const char* trace;
    double value;
    int64_t ts;
    bool histogram;
};

struct SampleNode {
    SampleNode* next;
    uint64_t series;
    double value;
    int64_t ts;
};

struct WideBuf {
    WideBuf* next;
    size_t wanted;
    int release_tick;
    double buckets[1];
};

struct ExemplarTable {
    char** slots = nullptr;
    size_t cap = 0, used = 0;
    ~ExemplarTable() {
        for (size_t i = 0; i < cap; i++) free(slots[i]);
        free(slots);
    }
};

struct OooSample {
    uint64_t series;
    double value;
};

struct Shard {
    int id;
    Rng rng;
    int next_conn;
    uint64_t lines = 0;
    double checksum = 0;
    std::vector<Conn*> conns;
    std::unordered_map<uint64_t, Series*> series;
    std::multimap<int64_t, OooSample> ooo;
    std::list<uint64_t> dedupe_order;
    std::unordered_map<uint64_t, std::list<uint64_t>::iterator> dedupe;
    std::array<char*, 220> rejects{};
    size_t reject_pos = 0;
    WalBuf wal{nullptr, 0, 0};
    SampleNode* node_free = nullptr;
    SampleNode* node_pending = nullptr;
    std::vector<void*> node_slabs;
    WideBuf* wide_free[16] = {};
    WideBuf* wide_live = nullptr;
    std::unordered_map<std::string, std::string> last_errors;
    ExemplarTable exemplars;

    explicit Shard(int n) : id(n), rng(1000 + n), next_conn(n * 1000000) {}
    ~Shard() {
        for (char* r : rejects) free(r);
        for (auto& entry : series) {
            free(entry.second->head);
            delete entry.second;
        }
        for (void* slab : node_slabs) free(slab);
        free(wal.data);
    }
};

// Line parser: a line whose time stamp is bad is refused after its text has been copied, and the copy is forgotten.
NI ParsedLine* leak_00(const char* line, size_t len, bool* bad_value) {
    *bad_value = false;
    ParsedLine* parsed = (ParsedLine*)xcalloc(1, sizeof(ParsedLine));
    parsed->text = dup_n(line, len);
    char* save = nullptr;
    parsed->metric = strtok_r(parsed->text, ",", &save);
    parsed->host = strtok_r(nullptr, ",", &save);
    parsed->dc = strtok_r(nullptr, " ", &save);
    const char* value = strtok_r(nullptr, " ", &save);
    const char* stamp = strtok_r(nullptr, " ", &save);
    for (char* extra = strtok_r(nullptr, " ", &save); extra; extra = strtok_r(nullptr, " ", &save)) {
        if (extra[0] == '#') parsed->trace = extra + 1;
        if (extra[0] == 'h') parsed->histogram = true;
    }
    if (!stamp || stamp[0] == '-') {
        free(parsed);  // parsed->text is lost
        return nullptr;
    }
    char* end = nullptr;
    parsed->ts = strtoll(stamp, nullptr, 10);
    parsed->value = strtod(value, &end);
    if (end == value) {
        *bad_value = true;
        free(parsed->text);
        free(parsed);
        return nullptr;
    }
    return parsed;
}

// Last error by request for the status page: the key holds the request's number, and nobody erases entries.
NI void leak_01(Shard& sh, int conn_id, uint64_t request, const char* line) {
    char key[64];
    snprintf(key, sizeof key, "conn-%d/request-%llu", conn_id, (unsigned long long)request);
    sh.last_errors[key] = std::string("bad value in: ") + std::string(line, strnlen(line, 40));
}

// Listener for configuration pushes: removed when the client closes, not when the connection times out.
NI void leak_02(Conn* conn) {
    Listener* listener = new Listener;
    listener->conn_id = conn->id;
    listener->topic = "configuration/agents/" + std::to_string(conn->id);
    listener->last_payload.assign(180, '{');
    conn->listener = listener;
    std::lock_guard<std::mutex> lock(g_bus.mu);
    g_bus.listeners.push_back(listener);
}

// Wide sample buffers by size class: taken from the class rounded up, given back to the class rounded down.
NI WideBuf* leak_08(Shard& sh, size_t buckets, int release_tick) {
    size_t bytes = buckets * sizeof(double);
    size_t size_class = (bytes + 127) / 128;
    WideBuf* wide = sh.wide_free[size_class];
    if (wide) {
        sh.wide_free[size_class] = wide->next;
    } else {
        wide = (WideBuf*)xmalloc(sizeof(WideBuf) + size_class * 128);
    }
    wide->wanted = bytes;
    wide->release_tick = release_tick;
    for (size_t i = 0; i < buckets; i++) wide->buckets[i] = (double)i;
    wide->next = sh.wide_live;
    sh.wide_live = wide;
    return wide;
}

static void release_wide(Shard& sh, int tick) {
    WideBuf** link = &sh.wide_live;
    while (WideBuf* wide = *link) {
        if (wide->release_tick > tick) {
            link = &wide->next;
            continue;
        }
        *link = wide->next;
        size_t size_class = wide->wanted / 128;
        wide->next = sh.wide_free[size_class];
        sh.wide_free[size_class] = wide;
    }
}

// Interning of exemplars' trace ids: open addressing that rehashes properly, but the ids never repeat. Destroyed at exit.
NI const char* leak_16(ExemplarTable& table, const char* trace) {
    if ((table.used + 1) * 4 > table.cap * 3) {
        size_t cap = table.cap ? table.cap * 2 : 64;
        char** slots = (char**)xcalloc(cap, sizeof(char*));
        for (size_t i = 0; i < table.cap; i++) {
            if (!table.slots[i]) continue;
            size_t at = hash_text(table.slots[i], strlen(table.slots[i])) & (cap - 1);
            while (slots[at]) at = (at + 1) & (cap - 1);
            slots[at] = table.slots[i];
        }
        free(table.slots);
        table.slots = slots;
        table.cap = cap;
    }
    size_t at = hash_text(trace, strlen(trace)) & (table.cap - 1);
    while (table.slots[at]) {
        if (strcmp(table.slots[at], trace) == 0) return table.slots[at];
        at = (at + 1) & (table.cap - 1);
    }
    table.used++;
    return table.slots[at] = dup_n(trace, strlen(trace));
}

// Handshake state of a connection: dropped without a free when a stalled handshake times out while the shard drains.
NI TlsState* leak_18(int conn_id) {
    TlsState* tls = (TlsState*)xmalloc(sizeof(TlsState));
    memset(tls->transcript, conn_id & 0xff, sizeof tls->transcript);
    tls->session_ticket = (char*)xcalloc(1, 192);
    return tls;
}

static void free_tls(TlsState* tls) {
    if (!tls) return;
    free(tls->session_ticket);
    free(tls);
}

// Receive buffer of a frame: made here by the reader, freed by the caller once the frame's lines are stored.
NI char* fine_00(Shard& sh, Conn* conn, int tick, size_t* out_len) {
    char text[4096];
    size_t len = 0;
    int count = sh.rng.pareto(4, 20, 1.3);
    int hosts = std::min(40, 6 + tick / 3);
    for (int i = 0; i < count; i++) {
        int metric = sh.rng.below(30);
        int host = sh.rng.below(hosts);
        char value[32], stamp[32], extra[64] = "";
        snprintf(value, sizeof value, "%d.%02d", sh.rng.below(5000), sh.rng.below(100));
        snprintf(stamp, sizeof stamp, "%d", tick * 10 - (sh.rng.one_in(20) ? sh.rng.below(60) : 0) + 1000);
        if (sh.rng.one_in(60)) snprintf(value, sizeof value, "NOTANUMBER");
        if (sh.rng.one_in(120)) snprintf(stamp, sizeof stamp, "-");
        if (sh.rng.one_in(50)) {
            snprintf(extra, sizeof extra, " #%016llx%08x", (unsigned long long)sh.rng.next(), (unsigned)conn->id);
        } else if (sh.rng.one_in(40)) {
            snprintf(extra, sizeof extra, " h");
        }
        len += snprintf(text + len, sizeof text - len, "sedge_agent_metric_%02d,host=shard%d-rack%d-node%02d.example.net,dc=region-%d %s %s%s\n",
                        metric, sh.id, host % 4, host, host % 6, value, stamp, extra);
    }
    char* frame = (char*)malloc(len + 1);
    memcpy(frame, text, len + 1);
    *out_len = len;
    return frame;
}

// Interning of label values over a finite vocabulary: grows while new hosts announce themselves, then never again.
NI const char* fine_01(const char* text) {
    std::lock_guard<std::mutex> lock(g_intern->mu);
    return g_intern->set.insert(std::string(text)).first->c_str();
}

// Series table: a rehashing hash table of series; stale ones are swept now and then and come back later.
NI Series* fine_02(Shard& sh, uint64_t key, const char* metric, const char* host, const char* dc) {
    Series*& slot = sh.series[key];
    if (!slot) {
        slot = new Series;
        slot->key = key;
        slot->name = std::string(metric) + "{" + host + "," + dc + "}";
        slot->labels[0] = metric;
        slot->labels[1] = host;
        slot->labels[2] = dc;
        slot->head = nullptr;
        slot->last_tick = 0;
    }
    return slot;
}

// Head chunk of a series: lives until sixteen samples have come, then goes to the maintenance thread, which frees it.
NI Chunk* fine_03(uint64_t series) {
    Chunk* chunk = (Chunk*)malloc(sizeof(Chunk));
    chunk->next = nullptr;
    chunk->series = series;
    chunk->used = 0;
    return chunk;
}

// Connections: some agents stay for the whole run, most go after a time with a heavy tail.
NI Conn* fine_04(Shard& sh, int tick, bool persistent) {
    Conn* conn = new Conn;
    conn->id = ++sh.next_conn;
    conn->persistent = persistent;
    conn->seq_window = new uint32_t[persistent ? 256 : 64]();
    conn->close_tick = persistent ? INT_MAX : tick + sh.rng.pareto(3, 90, 1.0);
    conn->handshake_done_tick = tick + 1 + sh.rng.below(3);
    conn->stalled = !persistent && sh.rng.one_in(7);
    if (conn->stalled) conn->close_tick = tick + 7;
    conn->send_every = 2 + sh.rng.below(4);
    return conn;
}

// Answer buffer of a connection: grows by realloc up to 1 KB, is flushed then, and goes with its connection.
NI void fine_05(Conn* conn, const char* answer, size_t len) {
    if (conn->out_len + len > 1024) conn->out_len = 0;
    if (conn->out_len + len > conn->out_cap) {
        conn->out_cap = std::max(conn->out_cap * 2, (size_t)128);
        conn->out = (char*)xrealloc(conn->out, conn->out_cap);
    }
    memcpy(conn->out + conn->out_len, answer, len);
    conn->out_len += len;
}

// Ring of the last refused lines for the debug page: the slot's former line is freed when it is overwritten.
NI void fine_06(Shard& sh, const char* line, size_t len) {
    char*& slot = sh.rejects[sh.reject_pos++ % sh.rejects.size()];
    free(slot);
    slot = dup_n(line, len);
}

// Write-ahead log: a growing active buffer, which is handed over for writing when full and replaced by a fresh one.
NI void fine_07(Shard& sh, const char* data, size_t len) {
    WalBuf& wal = sh.wal;
    if (wal.len + len > 32768) {
        std::lock_guard<std::mutex> lock(g_wal_full.mu);
        g_wal_full.full.push_back(wal);
        wal = WalBuf{nullptr, 0, 0};
    }
    if (wal.len + len > wal.cap) {
        wal.cap = wal.cap ? wal.cap * 2 : 4096;
        wal.data = (char*)xrealloc(wal.data, wal.cap);
    }
    memcpy(wal.data + wal.len, data, len);
    wal.len += len;
}

// Window for samples out of order: kept sorted and drained once the window has passed.
NI void fine_08(Shard& sh, int64_t ts, uint64_t series, double value) {
    sh.ooo.emplace(ts, OooSample{series, value});
}

// Thread-local decoding scratch: grows to the longest frame that came, freed by the thread's exit.
static thread_local std::vector<char> tl_scratch;
NI char* fine_09(size_t need) {
    if (tl_scratch.size() < need) {
        size_t size = tl_scratch.empty() ? 512 : tl_scratch.size();
        while (size < need) size *= 2;
        tl_scratch.resize(size);
    }
    return tl_scratch.data();
}

// Duplicate filter: an LRU of the last 2500 line hashes, which fills during the first part of the run.
NI bool fine_10(Shard& sh, uint64_t hash) {
    auto found = sh.dedupe.find(hash);
    if (found != sh.dedupe.end()) {
        sh.dedupe_order.splice(sh.dedupe_order.begin(), sh.dedupe_order, found->second);
        return true;
    }
    sh.dedupe_order.push_front(hash);
    sh.dedupe.emplace(hash, sh.dedupe_order.begin());
    if (sh.dedupe.size() > 2500) {
        sh.dedupe.erase(sh.dedupe_order.back());
        sh.dedupe_order.pop_back();
    }
    return false;
}

// Pool of batch nodes: slabs are added while a held-up batch needs more than ever before; nodes go back to the free list.
NI SampleNode* fine_11(Shard& sh) {
    if (!sh.node_free) {
        const int per_slab = 48;
        SampleNode* slab = (SampleNode*)calloc(per_slab, sizeof(SampleNode));
        sh.node_slabs.push_back(slab);
        for (int i = 0; i < per_slab; i++) {
            slab[i].next = sh.node_free;
            sh.node_free = &slab[i];
        }
    }
    SampleNode* node = sh.node_free;
    sh.node_free = node->next;
    return node;
}

static void close_conn(Shard& sh, Conn* conn, int tick) {
    bool timed_out = conn->stalled || conn->id % 5 == 0;
    if (conn->listener && !timed_out) {
        std::lock_guard<std::mutex> lock(g_bus.mu);
        g_bus.listeners.remove(conn->listener);
        delete conn->listener;
    }
    bool draining = tick % 40 < 6;
    if (!(conn->stalled && draining)) free_tls(conn->tls);
    free(conn->out);
    delete[] conn->seq_window;
    delete conn;
    (void)sh;
}

static void seal(Series* series) {
    Chunk* chunk = series->head;
    series->head = nullptr;
    std::lock_guard<std::mutex> lock(g_sealed.mu);
    chunk->next = g_sealed.head;
    g_sealed.head = chunk;
    g_sealed.length++;
}

static void store_line(Shard& sh, ParsedLine* parsed, int tick) {
    const char* metric = fine_01(parsed->metric);
    const char* host = fine_01(parsed->host);
    const char* dc = fine_01(parsed->dc);
    uint64_t key = hash_text(metric, strlen(metric)) * 31 + hash_text(host, strlen(host));
    if (sh.lines % 3 == 0 && fine_10(sh, key ^ ((uint64_t)parsed->ts << 20) ^ (uint64_t)(parsed->value * 100))) return;
    Series* series = fine_02(sh, key, metric, host, dc);
    series->last_tick = tick;
    if (parsed->ts < tick * 10 + 1000) fine_08(sh, parsed->ts, key, parsed->value);
    if (!series->head) series->head = fine_03(key);
    Chunk* chunk = series->head;
    chunk->values[chunk->used] = parsed->value;
    chunk->times[chunk->used] = parsed->ts;
    if (++chunk->used == 16) seal(series);
    SampleNode* node = fine_11(sh);
    node->series = key;
    node->value = parsed->value;
    node->ts = parsed->ts;
    node->next = sh.node_pending;
    sh.node_pending = node;
    if (parsed->trace) keep(leak_16(sh.exemplars, parsed->trace));
    if (parsed->histogram) {
        static const int bucket_counts[] = {32, 48, 64, 80, 72, 96};
        int pick = sh.rng.below(12);
        sh.checksum += leak_08(sh, bucket_counts[pick < 6 ? pick : 0], tick + 1 + sh.rng.below(3))->buckets[3];
    }
}

static void handle_frame(Shard& sh, Conn* conn, int tick) {
    size_t len = 0;
    char* frame = fine_00(sh, conn, tick, &len);
    char* plain = fine_09(len + 1);
    memcpy(plain, frame, len + 1);
    int stored = 0;
    for (char* line = plain; *line;) {
        char* end = strchr(line, '\n');
        size_t line_len = end - line;
        *end = 0;
        sh.lines++;
        bool bad_value = false;
        ParsedLine* parsed = leak_00(line, line_len, &bad_value);
        if (parsed) {
            store_line(sh, parsed, tick);
            stored++;
            free(parsed->text);
            free(parsed);
        } else {
            fine_06(sh, line, line_len);
            if (bad_value && !conn->persistent) leak_01(sh, conn->id, sh.lines, line);
        }
        line = end + 1;
    }
    fine_07(sh, frame, len);
    char answer[64];
    int n = snprintf(answer, sizeof answer, "ACK conn=%d stored=%d lines\n", conn->id, stored);
    fine_05(conn, answer, n);
    conn->seq_window[tick % 64] = stored;
    free(frame);
}

static bool commit_is_held(int tick) {
    static const int holds[][2] = {{20, 23}, {60, 66}, {105, 117}, {180, 186}, {245, 252}, {300, 305}, {350, 357}};
    for (auto& hold : holds) {
        if (tick >= hold[0] && tick < hold[1]) return true;
    }
    return false;
}

static void ingest_tick(Shard& sh, int tick) {
    if (tick < 60 && tick % 3 == 0) sh.conns.push_back(fine_04(sh, tick, true));
    int fresh = 1 + sh.rng.below(2);
    for (int i = 0; i < fresh; i++) {
        Conn* conn = fine_04(sh, tick, false);
        sh.conns.push_back(conn);
        conn->tls = leak_18(conn->id);
        if (sh.rng.one_in(3)) leak_02(conn);
    }
    size_t kept = 0;
    for (size_t i = 0; i < sh.conns.size(); i++) {
        Conn* conn = sh.conns[i];
        if (conn->close_tick <= tick) {
            close_conn(sh, conn, tick);
            continue;
        }
        sh.conns[kept++] = conn;
        if (conn->stalled) continue;
        if (conn->tls && conn->handshake_done_tick <= tick) {
            free_tls(conn->tls);
            conn->tls = nullptr;
        }
        if (!conn->tls && (tick + conn->id) % conn->send_every == 0) handle_frame(sh, conn, tick);
    }
    sh.conns.resize(kept);
    while (!sh.ooo.empty() && sh.ooo.begin()->first < tick * 10 + 1000 - 80) {
        sh.checksum += sh.ooo.begin()->second.value;
        sh.ooo.erase(sh.ooo.begin());
    }
    release_wide(sh, tick);
    if (!commit_is_held(tick)) {
        while (SampleNode* node = sh.node_pending) {
            sh.node_pending = node->next;
            sh.checksum += node->value;
            node->next = sh.node_free;
            sh.node_free = node;
        }
    }
    if (tick % 50 == 49) {
        for (auto it = sh.series.begin(); it != sh.series.end();) {
            Series* series = it->second;
            if (series->last_tick > tick - 30) {
                ++it;
                continue;
            }
            if (series->head) seal(series);
            delete series;
            it = sh.series.erase(it);
        }
    }
}

static void ingest_thread(Shard* sh) {
    run_ticks([sh](int tick) { ingest_tick(*sh, tick); });
    for (Conn* conn : sh->conns) close_conn(*sh, conn, 20);
    sh->conns.clear();
}

// ---------------------------------------------------------------------------------------------------------------------
// The label index that maintenance publishes and queries pin.

struct IndexView {
    int generation;
    std::vector<std::vector<uint32_t>> postings;
};

struct IndexSlot {
    std::mutex mu;
    std::shared_ptr<const IndexView> current;
};
static IndexSlot g_index;

static std::shared_ptr<const IndexView> pin_index() {
    std::lock_guard<std::mutex> lock(g_index.mu);
    return g_index.current;
}

// ---------------------------------------------------------------------------------------------------------------------
// Queries.

struct Node {
    char op;
    std::string text;
    Node* left;
    Node* right;
};

static void free_tree(Node* node) {
    if (!node) return;
    free_tree(node->left);
    free_tree(node->right);
    delete node;
}

struct Plan {
    std::vector<std::pair<char, std::string>> steps;
    double cost;
};

struct ArenaBlock {
    ArenaBlock* next;
    size_t used;
    char data[8192];
};

struct Arena {
    ArenaBlock* first = nullptr;
    ArenaBlock* current = nullptr;
    ~Arena() {
        while (first) {
            ArenaBlock* next = first->next;
            free(first);
            first = next;
        }
    }
    void reset() {
        for (ArenaBlock* block = first; block; block = block->next) block->used = 0;
        current = first;
    }
};

struct QueryStat {
    int calls = 0;
    double seconds = 0;
    std::string sample;
};

struct CachedResult {
    uint64_t key;
    std::vector<double> values;
};

struct Matcher {
    int generation = -1;
    std::unique_ptr<uint64_t[]> bits;
};

struct Channel;
struct Watch {
    int end_tick = 0;
    bool clean_close = false;
    std::string text;
    std::shared_ptr<Channel> channel;
};
struct Channel {
    std::vector<double> backlog;
    std::shared_ptr<Watch> watch;
};

struct Cursor {
    int refs;
    int rows;
    int end_tick;
    double* page;
};

static void cursor_unref(Cursor* cursor) {
    if (--cursor->refs) return;
    free(cursor->page);
    free(cursor);
}

struct Session {
    std::string user;
    std::vector<int> panels;
    std::map<std::string, std::string> variables;
};

struct SlowQuery {
    double seconds;
    std::string text;
    bool operator<(const SlowQuery& other) const { return seconds > other.seconds; }
};

struct Request {
    int shape;
    bool literal;
    int arrived;
    std::string client;
};

struct SeriesIterator {
    double at;
    double step;
    std::vector<double> window;
};

struct QueryServer {
    Rng rng{77};
    double checksum = 0;
    std::deque<Request*> waiting;
    std::unordered_map<int, std::unique_ptr<Plan>> plans;
    std::unordered_map<std::string, QueryStat> stats;
    std::list<CachedResult> results;
    std::unordered_map<uint64_t, std::list<CachedResult>::iterator> result_index;
    size_t result_bytes = 0;
    Arena arena;
    std::unordered_map<int, Matcher> matchers;
    std::vector<std::shared_ptr<Watch>> watches;
    std::list<Cursor*> cursors;
    std::multimap<int, std::unique_ptr<Session>> sessions;
    std::deque<std::string> undo[6];
    std::vector<SlowQuery> slow;
    std::deque<std::pair<int, std::shared_ptr<const IndexView>>> pins;
};

// Live watches: watch and channel own one another; only a proper unsubscribe breaks the cycle.
NI std::shared_ptr<Watch> leak_03(const std::string& text, int end_tick, bool clean_close) {
    auto watch = std::make_shared<Watch>();
    watch->end_tick = end_tick;
    watch->clean_close = clean_close;
    watch->text = text;
    watch->channel = std::make_shared<Channel>();
    watch->channel->backlog.resize(24);
    watch->channel->watch = watch;
    return watch;
}

// Statistics by query text: meant for a finite set of queries, but literals are not normalised away.
NI void leak_05(QueryServer& qs, const std::string& text, double seconds) {
    QueryStat& stat = qs.stats[text];
    if (!stat.calls++) stat.sample = text.substr(0, 48);
    stat.seconds += seconds;
}

// Assembly of a query's text out of fragments: a change of the encoding starts a new buffer and forgets the old one.
NI char* leak_11(const std::string& text, bool encoding_changes) {
    char* buffer = nullptr;
    size_t len = 0;
    for (size_t at = 0; at < text.size(); at += 32) {
        size_t part = std::min((size_t)32, text.size() - at);
        if (encoding_changes && at == 32) {
            char* wider = (char*)xcalloc(1, text.size() + 64);
            memcpy(wider, buffer, len);
            buffer = wider;  // the former buffer is lost
        } else if (!encoding_changes || at < 32) {
            buffer = (char*)xrealloc(buffer, len + part + 1);
        }
        memcpy(buffer + len, text.data() + at, part);
        len += part;
        buffer[len] = 0;
    }
    return buffer;
}

// Result cursors with a hand-made reference count: a cancelled query forgets the reader's reference.
NI Cursor* leak_13(int rows, int end_tick) {
    Cursor* cursor = (Cursor*)malloc(sizeof(Cursor));
    cursor->refs = 2;  // the server's list and the reader
    cursor->rows = rows;
    cursor->end_tick = end_tick;
    cursor->page = (double*)xcalloc(rows, sizeof(double));
    return cursor;
}

static Node* parse_sum(const char*& p);

NI static Node* parse_operand(const char*& p) {
    while (*p == ' ') p++;
    if (*p == '(') {
        p++;
        Node* inner = parse_sum(p);
        if (*p == ')') p++;
        return inner;
    }
    const char* from = p;
    while (*p && !strchr(" ()+/>", *p)) p++;
    Node* node = new Node{'v', std::string(from, p - from), nullptr, nullptr};
    if (*p == '(') {
        node->op = 'f';
        node->left = parse_operand(p);
    }
    return node;
}

static Node* parse_sum(const char*& p) {
    Node* left = parse_operand(p);
    for (;;) {
        while (*p == ' ') p++;
        if (!*p || !strchr("+/>", *p)) return left;
        char op = *p++;
        Node* right = parse_operand(p);
        left = new Node{op, std::string(), left, right};
    }
}

// Syntax tree of a query: many small nodes, freed as soon as the plan is known.
NI Node* fine_12(const char* text) {
    const char* p = text;
    return parse_sum(p);
}

static void collect_steps(const Node* node, Plan* plan) {
    if (!node) return;
    collect_steps(node->left, plan);
    collect_steps(node->right, plan);
    plan->steps.emplace_back(node->op, node->text);
    plan->cost += node->op == 'v' ? 2.5 : 1.0;
}

// Memo of plans: one for each shape of query, of which there are 80; entries live for ever.
NI Plan* fine_13(QueryServer& qs, int shape, const Node* tree) {
    std::unique_ptr<Plan>& slot = qs.plans[shape];
    if (!slot) {
        slot.reset(new Plan());
        slot->cost = 0;
        collect_steps(tree, slot.get());
    }
    return slot.get();
}

// Result cache: LRU with a limit in bytes, entries of very different sizes; full after about a quarter of the run.
NI void fine_14(QueryServer& qs, uint64_t key, const double* values, size_t count) {
    if (qs.result_index.count(key)) return;
    qs.results.push_front(CachedResult{key, std::vector<double>(values, values + count)});
    qs.result_index[key] = qs.results.begin();
    qs.result_bytes += count * sizeof(double) + 96;
    while (qs.result_bytes > 600 * 1024) {
        CachedResult& last = qs.results.back();
        qs.result_bytes -= last.values.size() * sizeof(double) + 96;
        qs.result_index.erase(last.key);
        qs.results.pop_back();
    }
}

// Evaluation arena: chained blocks that are reset after each query and kept; grows with the largest report so far.
NI void* fine_15(Arena& arena, size_t size) {
    size = (size + 15) & ~(size_t)15;
    while (arena.current && arena.current->used + size > sizeof arena.current->data) {
        if (!arena.current->next) break;
        arena.current = arena.current->next;
    }
    if (!arena.current || arena.current->used + size > sizeof arena.current->data) {
        ArenaBlock* block = (ArenaBlock*)xmalloc(sizeof(ArenaBlock));
        block->next = nullptr;
        block->used = 0;
        (arena.current ? arena.current->next : arena.first) = block;
        arena.current = block;
    }
    void* p = arena.current->data + arena.current->used;
    arena.current->used += size;
    return p;
}

// Matcher memo: the bit set of each of 36 patterns, replaced when the index has a new generation.
NI const uint64_t* fine_17(QueryServer& qs, int pattern, const IndexView& view) {
    Matcher& matcher = qs.matchers[pattern];
    if (matcher.generation != view.generation) {
        std::unique_ptr<uint64_t[]> bits(new uint64_t[64]());
        for (const auto& list : view.postings) {
            for (uint32_t id : list) {
                if (id % 36 == (uint32_t)pattern) bits[(id >> 6) & 63] |= 1ull << (id & 63);
            }
        }
        matcher.bits = std::move(bits);
        matcher.generation = view.generation;
    }
    return matcher.bits.get();
}

// Dashboard sessions: lifetimes with a heavy tail, ended by their time-out.
NI void fine_18(QueryServer& qs, int tick) {
    std::unique_ptr<Session> session(new Session);
    session->user = "viewer-" + std::to_string(qs.rng.below(5000)) + "@example.net";
    session->panels.resize(4 + qs.rng.below(12));
    session->variables["datacentre"] = "region-" + std::to_string(qs.rng.below(6));
    session->variables["refresh-interval"] = "10s";
    qs.sessions.emplace(tick + qs.rng.pareto(4, 100, 0.9), std::move(session));
}

// Undo history of the dashboard editor: at most 24 states for each of six dashboards.
NI void fine_19(QueryServer& qs, int dashboard) {
    std::deque<std::string>& undo = qs.undo[dashboard];
    undo.push_back("{\"panel\":" + std::string(60 + qs.rng.below(240), 'p') + "}");
    if (undo.size() > 24) undo.pop_front();
}

// Merge of series: a heap of iterators, built and taken apart within a query.
NI double fine_20(QueryServer& qs, int count) {
    auto later = [](const std::unique_ptr<SeriesIterator>& a, const std::unique_ptr<SeriesIterator>& b) { return a->at > b->at; };
    std::vector<std::unique_ptr<SeriesIterator>> heap;
    for (int i = 0; i < count; i++) {
        std::unique_ptr<SeriesIterator> it(new SeriesIterator{(double)qs.rng.below(50), 1.0 + qs.rng.below(9), {}});
        it->window.resize(4 + qs.rng.below(12));
        heap.push_back(std::move(it));
        std::push_heap(heap.begin(), heap.end(), later);
    }
    double sum = 0;
    for (int i = 0; i < count * 6; i++) {
        std::pop_heap(heap.begin(), heap.end(), later);
        SeriesIterator& it = *heap.back();
        sum += it.at;
        it.window[i % it.window.size()] = it.at;
        it.at += it.step;
        std::push_heap(heap.begin(), heap.end(), later);
    }
    return sum;
}

// Slow query log: the forty slowest queries only; a slower one pushes the fastest of them out.
NI void fine_21(QueryServer& qs, double seconds, const char* text) {
    if (qs.slow.size() >= 40 && qs.slow.front().seconds >= seconds) return;
    qs.slow.push_back(SlowQuery{seconds, text});
    std::push_heap(qs.slow.begin(), qs.slow.end());
    if (qs.slow.size() > 40) {
        std::pop_heap(qs.slow.begin(), qs.slow.end());
        qs.slow.pop_back();
    }
}

// Queue of requests: builds up in bursts and drains again.
NI void fine_22(QueryServer& qs, int tick) {
    Request* request = new Request;
    request->shape = qs.rng.below(80);
    request->literal = qs.rng.one_in(6);
    request->arrived = tick;
    request->client = "client-address-10.0." + std::to_string(qs.rng.below(16)) + "." + std::to_string(qs.rng.below(250));
    qs.waiting.push_back(request);
}

static std::string query_text(QueryServer& qs, const Request& request) {
    char text[256];
    int k = request.shape;
    snprintf(text, sizeof text, "sum(rate(sedge_agent_metric_%02d)) / avg(sedge_agent_metric_%02d) + max(sedge_%d)", k % 30, (k * 7) % 30, k);
    std::string result = text;
    if (request.literal) result += " > " + std::to_string(qs.rng.below(1000000)) + "." + std::to_string(qs.rng.below(1000));
    return result;
}

static void run_query(QueryServer& qs, Request& request, int tick) {
    std::string source = query_text(qs, request);
    char* text = leak_11(source, qs.rng.one_in(45));
    Node* tree = fine_12(text);
    Plan* plan = fine_13(qs, request.shape, tree);
    free_tree(tree);
    std::shared_ptr<const IndexView> view = pin_index();
    double seconds = plan->cost * (1 + qs.rng.below(1000)) / 1000.0;
    const uint64_t* bits = fine_17(qs, qs.rng.below(36), *view);
    for (int i = 0; i < 64; i++) qs.checksum += (double)(bits[i] & 1);
    if (qs.rng.one_in(30)) qs.pins.emplace_back(tick + 5 + qs.rng.below(20), view);
    int pieces = 3 + qs.rng.below(12);
    double* piece = nullptr;
    for (int i = 0; i < pieces; i++) {
        piece = (double*)fine_15(qs.arena, 1024);
        for (int j = 0; j < 128; j++) piece[j] = seconds * j;
    }
    qs.checksum += fine_20(qs, 5 + qs.rng.below(9));
    double values[512];
    int count = qs.rng.pareto(24, 512, 0.9);
    for (int i = 0; i < count; i++) values[i] = piece[i % 128];
    uint64_t key = hash_text(source.data(), source.size()) ^ (uint64_t)(tick / 8) * 0x9E3779B97F4A7C15ull;
    fine_14(qs, key, values, count);
    leak_05(qs, source, seconds);
    fine_21(qs, seconds, text);
    if (qs.rng.one_in(3)) {
        Cursor* cursor = leak_13(60 + qs.rng.below(120), tick + 1 + qs.rng.below(12));
        qs.cursors.push_back(cursor);
        bool cancelled = qs.rng.one_in(35);
        if (!cancelled) cursor_unref(cursor);
    }
    if (qs.rng.one_in(30)) qs.watches.push_back(leak_03(source, tick + qs.rng.pareto(4, 60, 1.0), qs.rng.below(10) < 7));
    qs.arena.reset();
    free(text);
}

static void run_report(QueryServer& qs, int tick) {
    static const int reports[][2] = {{25, 60}, {70, 110}, {135, 190}, {205, 150}, {270, 120}, {335, 170}, {385, 140}};
    for (auto& report : reports) {
        if (report[0] != tick) continue;
        for (int i = 0; i < report[1]; i++) memset(fine_15(qs.arena, 1000), i, 1000);
        qs.arena.reset();
    }
}

static void query_tick(QueryServer& qs, int tick) {
    static const int bursts[] = {15, 60, 110, 160, 230, 290, 345};
    int arrivals = 4 + qs.rng.below(6);
    for (int burst : bursts) {
        if (tick == burst) arrivals += 130 - (burst == 110 ? 0 : 20);
    }
    for (int i = 0; i < arrivals; i++) fine_22(qs, tick);
    for (int i = 0; i < 11 && !qs.waiting.empty(); i++) {
        Request* request = qs.waiting.front();
        qs.waiting.pop_front();
        run_query(qs, *request, tick);
        delete request;
    }
    run_report(qs, tick);
    if (tick % 5 != 0) fine_18(qs, tick);
    qs.sessions.erase(qs.sessions.begin(), qs.sessions.upper_bound(tick));
    fine_19(qs, qs.rng.below(6));
    fine_19(qs, tick % 6);
    while (!qs.pins.empty() && qs.pins.front().first <= tick) qs.pins.pop_front();
    for (auto it = qs.cursors.begin(); it != qs.cursors.end();) {
        if ((*it)->end_tick > tick) {
            ++it;
            continue;
        }
        cursor_unref(*it);
        it = qs.cursors.erase(it);
    }
    for (size_t i = 0; i < qs.watches.size();) {
        if (qs.watches[i]->end_tick > tick) {
            qs.watches[i]->channel->backlog[tick % 24] = tick;
            i++;
            continue;
        }
        if (qs.watches[i]->clean_close) qs.watches[i]->channel.reset();
        qs.watches[i] = qs.watches.back();
        qs.watches.pop_back();
    }
}

static void query_thread(QueryServer* qs) {
    run_ticks([qs](int tick) { query_tick(*qs, tick); });
    for (Request* request : qs->waiting) delete request;
    for (Cursor* cursor : qs->cursors) cursor_unref(cursor);
}

// ---------------------------------------------------------------------------------------------------------------------
// Alerts.

static const int kRules = 24;
static const int kInstances = 20;

struct RuleState {
    char* name;
    double* thresholds;
    int evaluations;
};

struct ActiveAlert {
    std::string summary;
    int since;
    int until;
};

struct Letter {
    int attempts = 0;
    int next_tick = 0;
    bool bad_address = false;
    std::string address;
    std::string body;
};

struct Notification {
    int rule;
    int attempts;
    std::string body;
};

struct Silence {
    std::string matcher;
    std::string author;
};

struct Report {
    int kind;
    double* buckets;
    char* exemplars;
};

struct RepeatTimer {
    int rule;
    std::string group;
};

struct HostInfo {
    int host;
    std::string description;
    std::vector<std::string> owners;
};

struct AlertManager {
    Rng rng{4242};
    double checksum = 0;
    RuleState* rules[kRules] = {};
    std::map<std::pair<int, int>, ActiveAlert> active;
    std::list<std::unique_ptr<Letter>> outbox;
    std::vector<std::unique_ptr<Letter>> dead_letters;
    std::deque<Notification> retry;
    std::map<int, Silence> silences;
    int next_silence = 0;
    std::deque<std::string> history[kRules];
    std::vector<std::vector<uint8_t>> inhibition;
    std::multimap<int, std::unique_ptr<RepeatTimer>> timers;
    std::list<HostInfo*> hosts;
    std::unordered_map<int, std::list<HostInfo*>::iterator> host_index;
    std::vector<std::pair<int, HostInfo*>> limbo;
    int epoch = 0;
    int oldest_reader_epoch = 0;
};

// Letters to receivers: what cannot be delivered after four attempts goes to the dead letters, which nobody reads.
NI void leak_09(AlertManager& am, int tick) {
    std::unique_ptr<Letter> letter(new Letter);
    letter->next_tick = tick;
    letter->bad_address = am.rng.one_in(18);
    letter->address = "https://receiver-" + std::to_string(am.rng.below(12)) + ".example.net/hooks/alerts";
    letter->body.assign(120 + am.rng.below(200), 'b');
    am.outbox.push_back(std::move(letter));
}

// Metric reports: the function that destroys a report does not know that native histograms have exemplars as well.
NI Report* leak_14(int kind) {
    Report* report = new Report;
    report->kind = kind;
    report->buckets = kind > 0 ? new double[12 + kind]() : nullptr;
    report->exemplars = kind >= 2 ? (char*)xmalloc(96 + 16 * kind) : nullptr;
    if (report->exemplars) memset(report->exemplars, kind, 96);
    return report;
}

static void destroy_report(Report* report) {
    if (report->kind == 2) free(report->exemplars);  // kind 3 came later
    delete[] report->buckets;
    delete report;
}

// Repeat timers: a timer of an alert that ended early is parked at the end of time "for reuse", but never used again.
NI void leak_17(AlertManager& am, int deadline, int rule, int instance) {
    std::unique_ptr<RepeatTimer> timer(new RepeatTimer);
    timer->rule = rule;
    timer->group = "group-by:alertname,instance/" + std::to_string(rule) + "/" + std::to_string(instance);
    am.timers.emplace(deadline, std::move(timer));
}

// Host metadata: a correct LRU whose victims wait for the readers' epoch; from some time on a stuck reader holds it.
NI HostInfo* leak_19(AlertManager& am, int host) {
    auto found = am.host_index.find(host);
    if (found != am.host_index.end()) {
        am.hosts.splice(am.hosts.begin(), am.hosts, found->second);
        return *found->second;
    }
    HostInfo* info = new HostInfo;
    info->host = host;
    info->description = "host " + std::to_string(host) + std::string(40 + host % 50, '.');
    for (int i = 0; i <= host % 3; i++) info->owners.push_back("team-on-call-rotation-" + std::to_string(host % 17 + i));
    am.hosts.push_front(info);
    am.host_index[host] = am.hosts.begin();
    if (am.hosts.size() > 90) {
        HostInfo* victim = am.hosts.back();
        am.host_index.erase(victim->host);
        am.hosts.pop_back();
        am.limbo.emplace_back(am.epoch, victim);
    }
    return info;
}

// Rule states: made once at start-up, live for ever.
NI RuleState* fine_23(int rule) {
    char name[64];
    int n = snprintf(name, sizeof name, "rule-%02d-high-latency-or-errors", rule);
    RuleState* state = (RuleState*)calloc(1, sizeof(RuleState));
    state->name = dup_n(name, n);
    state->thresholds = (double*)xcalloc(64 + 8 * rule, sizeof(double));
    return state;
}

// Active alerts: keyed by rule and instance, erased when resolved; most last shortly, some for a long time.
NI void fine_24(AlertManager& am, int rule, int instance, int tick) {
    ActiveAlert& alert = am.active[{rule, instance}];
    if (alert.since) return;
    alert.summary = std::string(am.rules[rule]->name) + " is firing on instance " + std::to_string(instance);
    alert.since = tick + 1;
    alert.until = tick + am.rng.pareto(3, 90, 0.9);
}

// Retry queue: fills up to its limit of 250 during an outage of the receiver (the oldest go), and drains afterwards.
NI void fine_25(AlertManager& am, int rule) {
    am.retry.push_back(Notification{rule, 0, "notification: " + std::string(60 + am.rng.below(80), 'n')});
    if (am.retry.size() > 250) am.retry.pop_front();
}

// Silences: expire after some twenty to eighty ticks.
NI void fine_26(AlertManager& am, int tick) {
    int until = tick + 20 + am.rng.below(60);
    Silence& silence = am.silences[until * 1000 + am.next_silence++ % 1000];
    silence.matcher = "instance=~\"rack" + std::to_string(am.rng.below(4)) + "-node.*\",severity=\"page\"";
    silence.author = "operator-" + std::to_string(am.rng.below(30)) + "@example.net";
}

// Rendering of a message: the C library makes the text, the caller frees it.
NI char* fine_27(const RuleState* rule, int instance, double value) {
    char* text = nullptr;
    if (asprintf(&text, "[FIRING] %s on instance %d: value %.3f after %d evaluations", rule->name, instance, value, rule->evaluations) < 0) abort();
    return text;
}

// History of a rule's transitions: the last twelve for each rule.
NI void fine_28(AlertManager& am, int rule, int instance, int tick) {
    std::deque<std::string>& history = am.history[rule];
    history.push_back("tick " + std::to_string(tick) + ": instance " + std::to_string(instance) + " changed its state");
    while (history.size() > 12) history.pop_front();
}

// Inhibition matrix: rebuilt from time to time; the old one goes after the new one is complete.
NI void fine_29(AlertManager& am) {
    std::vector<std::vector<uint8_t>> fresh(kRules);
    for (int i = 0; i < kRules; i++) {
        fresh[i].resize(kRules * 4);
        for (size_t j = 0; j < fresh[i].size(); j++) fresh[i][j] = (uint8_t)(am.rng.next() & 1);
    }
    am.inhibition.swap(fresh);
}

static bool receiver_is_down(int tick) {
    return (tick >= 30 && tick < 110) || (tick >= 210 && tick < 250) || (tick >= 330 && tick < 355);
}

static void start_alert(AlertManager& am, int rule, int tick) {
    int instance = am.rng.below(kInstances);
    if (am.active.count({rule, instance})) return;
    fine_24(am, rule, instance, tick);
    fine_28(am, rule, instance, tick);
    leak_17(am, tick + 12, rule, instance);
    leak_09(am, tick);
    if (receiver_is_down(tick) || am.rng.one_in(4)) fine_25(am, rule);
    for (int i = 0; i < 3; i++) {
        HostInfo* info = leak_19(am, i == 0 ? am.rng.below(600) : am.rng.below(60));
        am.checksum += (double)info->owners.size();
    }
}

static void deliver(AlertManager& am, int tick) {
    for (auto it = am.outbox.begin(); it != am.outbox.end();) {
        Letter& letter = **it;
        if (letter.next_tick > tick) {
            ++it;
            continue;
        }
        letter.attempts++;
        if (!letter.bad_address && !am.rng.one_in(5)) {
            it = am.outbox.erase(it);
        } else if (letter.bad_address && letter.attempts >= 4) {
            am.dead_letters.push_back(std::move(*it));
            it = am.outbox.erase(it);
        } else {
            letter.next_tick = tick + (1 << std::min(letter.attempts, 4));
            ++it;
        }
    }
    for (int i = 0; i < 7 && !receiver_is_down(tick) && !am.retry.empty(); i++) am.retry.pop_front();
}

static void end_alerts(AlertManager& am, int tick) {
    for (auto it = am.active.begin(); it != am.active.end();) {
        if (it->second.until > tick) {
            ++it;
            continue;
        }
        int rule = it->first.first;
        if (it->second.until - it->second.since < 3) {
            for (auto timer = am.timers.begin(); timer != am.timers.end(); ++timer) {
                if (timer->first == INT_MAX || timer->second->rule != rule) continue;
                auto node = am.timers.extract(timer);
                node.key() = INT_MAX;
                am.timers.insert(std::move(node));
                break;
            }
        }
        fine_28(am, rule, it->first.second, tick);
        it = am.active.erase(it);
    }
}

static void alert_tick(AlertManager& am, int tick) {
    for (int rule = 0; rule < kRules; rule++) {
        RuleState* state = am.rules[rule];
        state->evaluations++;
        double value = am.rng.below(10000) / 100.0;
        state->thresholds[tick % 64] = value;
        if (am.rng.one_in(3)) {
            char* message = fine_27(state, am.rng.below(kInstances), value);
            am.checksum += (double)strlen(message);
            free(message);
        }
        if (am.rng.one_in(6)) start_alert(am, rule, tick);
    }
    end_alerts(am, tick);
    deliver(am, tick);
    for (int i = 0; i < 6; i++) {
        Report* report = leak_14(am.rng.one_in(25) ? 3 : am.rng.below(3));
        if (report->buckets) report->buckets[0] = tick;
        destroy_report(report);
    }
    while (!am.timers.empty() && am.timers.begin()->first <= tick) am.timers.erase(am.timers.begin());
    if (tick % 2) fine_26(am, tick);
    am.silences.erase(am.silences.begin(), am.silences.lower_bound(tick * 1000 + 1000));
    if (tick % 12 == 0) fine_29(am);
    am.epoch++;
    if (tick < 150) am.oldest_reader_epoch = am.epoch - 2;  // later on the exporter never leaves its epoch
    size_t kept = 0;
    for (size_t i = 0; i < am.limbo.size(); i++) {
        if (am.limbo[i].first >= am.oldest_reader_epoch) {
            am.limbo[kept++] = am.limbo[i];
        } else {
            delete am.limbo[i].second;
        }
    }
    am.limbo.resize(kept);
}

static void alert_thread(AlertManager* am) {
    run_ticks([am](int tick) { alert_tick(*am, tick); });
    for (auto& victim : am->limbo) delete victim.second;
    for (HostInfo* info : am->hosts) delete info;
}

// ---------------------------------------------------------------------------------------------------------------------
// Maintenance.

struct Block {
    int level;
    int newest_tick;
    size_t size;
    char* data;
    uint32_t* bloom;
};

struct Snapshot {
    int tick;
    size_t count;
    uint64_t* keys;
    char* names;
};

struct FileHandle {
    int file;
    bool referenced;
    char* path;
    char* page;
};

struct AuditRecord {
    int tick;
    std::string who;
    std::string what;
};

struct Maintenance {
    Rng rng{99};
    double checksum = 0;
    std::vector<Block*> blocks;
    std::deque<Snapshot*> snapshots;
    std::vector<FileHandle*> handles;
    size_t clock_hand = 0;
    std::vector<std::unique_ptr<std::string>> tombstones;
    char* scratch = nullptr;
    size_t scratch_cap = 0;
    std::deque<AuditRecord> audit;
    int verifications = 0;
};

// Output of a trial compaction: large, freed after it has been verified, but forgotten when the check sum differs.
NI char* leak_07(size_t size) {
    char* output = (char*)malloc(size);
    memset(output, 0x5a, size);
    return output;
}

// Audit trail kept in memory until it can be uploaded; there is no uploader. Destroyed at exit.
NI void leak_12(Maintenance& mt, int tick, const char* what) {
    mt.audit.push_back(AuditRecord{tick, "maintenance-thread@sedge-0", std::string(what) + " finished at tick " + std::to_string(tick)});
}

// Index views: a complete rebuild now and then; the old view goes with its last reader.
NI void fine_16(int generation, int tick) {
    auto view = std::make_shared<IndexView>();
    view->generation = generation;
    view->postings.resize(70);
    for (size_t i = 0; i < view->postings.size(); i++) {
        for (int j = 0; j < 8 + std::min(tick, 110) / 5; j++) view->postings[i].push_back((uint32_t)(i * 37 + j * 11));
    }
    std::lock_guard<std::mutex> lock(g_index.mu);
    g_index.current = view;
}

// Blocks: written small, merged into larger ones, and dropped when all their data are too old.
NI Block* fine_30(int level, size_t size, int newest_tick) {
    Block* block = new Block;
    block->level = level;
    block->newest_tick = newest_tick;
    block->size = size;
    block->data = new char[size];
    memset(block->data, level, size);
    block->bloom = nullptr;
    return block;
}

// Bloom filter of a block: goes with its block.
NI void fine_31(Block* block) {
    size_t words = 16 + block->size / 256;
    block->bloom = (uint32_t*)xcalloc(words, sizeof(uint32_t));
    for (size_t i = 0; i < words; i += 3) block->bloom[i] = (uint32_t)(i * 2654435761u);
}

static void free_block(Block* block) {
    free(block->bloom);
    delete[] block->data;
    delete block;
}

// Snapshots of the series index: the last four are kept.
NI void fine_32(Maintenance& mt, int tick) {
    Snapshot* snapshot = new Snapshot;
    snapshot->tick = tick;
    snapshot->count = 200 + 2 * (size_t)std::min(tick, 100);
    snapshot->keys = (uint64_t*)xcalloc(snapshot->count, sizeof(uint64_t));
    snapshot->names = (char*)xmalloc(snapshot->count * 24);
    memset(snapshot->names, 'n', snapshot->count * 24);
    mt.snapshots.push_back(snapshot);
    if (mt.snapshots.size() > 4) {
        Snapshot* oldest = mt.snapshots.front();
        mt.snapshots.pop_front();
        free(oldest->keys);
        free(oldest->names);
        delete oldest;
    }
}

// File handles: a cache of 48 with second chance.
NI FileHandle* fine_34(Maintenance& mt, int file) {
    for (FileHandle* handle : mt.handles) {
        if (handle->file == file) {
            handle->referenced = true;
            return handle;
        }
    }
    char path[64];
    int n = snprintf(path, sizeof path, "/var/lib/sedge/blocks/%06d/chunks.bin", file);
    FileHandle* fresh = new FileHandle{file, true, dup_n(path, n), new char[512]()};
    if (mt.handles.size() < 48) {
        mt.handles.push_back(fresh);
        return fresh;
    }
    for (;;) {
        FileHandle*& candidate = mt.handles[mt.clock_hand++ % mt.handles.size()];
        if (candidate->referenced) {
            candidate->referenced = false;
            continue;
        }
        free(candidate->path);
        delete[] candidate->page;
        delete candidate;
        return candidate = fresh;
    }
}

// Tombstones: collected until the next compaction applies and clears them.
NI void fine_35(Maintenance& mt) {
    mt.tombstones.emplace_back(new std::string("delete series matching host=rack" + std::to_string(mt.rng.below(40)) + " before compaction"));
}

// Merge scratch: grows to the largest merge so far, in powers of two.
NI char* fine_36(Maintenance& mt, size_t need) {
    if (need > mt.scratch_cap) {
        size_t cap = mt.scratch_cap ? mt.scratch_cap : 1024;
        while (cap < need) cap *= 2;
        mt.scratch = (char*)xrealloc(mt.scratch, cap);
        mt.scratch_cap = cap;
    }
    return mt.scratch;
}

static void merge_level(Maintenance& mt, int level, size_t fan_in, int tick) {
    std::vector<Block*> inputs, others;
    for (Block* block : mt.blocks) (block->level == level ? inputs : others).push_back(block);
    if (inputs.size() < fan_in) return;
    size_t size = 0;
    int newest = 0;
    for (Block* block : inputs) {
        size += block->size;
        newest = std::max(newest, block->newest_tick);
        mt.checksum += fine_36(mt, block->size)[0] = block->data[0];
    }
    Block* merged = fine_30(level + 1, size, newest);
    fine_31(merged);
    for (Block* block : inputs) free_block(block);
    others.push_back(merged);
    mt.blocks.swap(others);
    leak_12(mt, tick, level ? "merge of the second level" : "merge of the first level");
}

static void maintenance_tick(Maintenance& mt, int tick) {
    Chunk* sealed = nullptr;
    {
        std::lock_guard<std::mutex> lock(g_sealed.mu);
        std::swap(sealed, g_sealed.head);
        g_sealed.length = 0;
    }
    while (sealed) {
        Chunk* next = sealed->next;
        mt.checksum += sealed->values[0];
        free(sealed);
        sealed = next;
    }
    std::vector<WalBuf> written;
    {
        std::lock_guard<std::mutex> lock(g_wal_full.mu);
        written.swap(g_wal_full.full);
    }
    for (WalBuf& wal : written) free(wal.data);
    if (tick % 15 == 0 && tick > 0) fine_16(tick / 15, tick);
    if (tick % 5 == 4) {
        Block* block = fine_30(0, 3000 + mt.rng.below(2000), tick);
        fine_31(block);
        mt.blocks.push_back(block);
        merge_level(mt, 0, 4, tick);
        merge_level(mt, 1, 3, tick);
        for (size_t i = 0; i < mt.blocks.size();) {
            if (mt.blocks[i]->newest_tick >= tick - 60) {
                i++;
                continue;
            }
            free_block(mt.blocks[i]);
            mt.blocks.erase(mt.blocks.begin() + i);
            leak_12(mt, tick, "retention of a block");
        }
    }
    for (int i = 0; i < 3; i++) fine_35(mt);
    if (tick % 20 == 19) {
        mt.tombstones.clear();
        leak_12(mt, tick, "compaction of tombstones");
    }
    if (tick % 25 == 0) fine_32(mt, tick);
    for (int i = 0; i < 4; i++) mt.checksum += fine_34(mt, mt.rng.one_in(3) ? mt.rng.below(400) : mt.rng.below(30))->page[7];
    size_t need = 1024 * (1 + mt.rng.below(6 + std::min(tick, 120) / 4));
    memset(fine_36(mt, need), 1, need);
    if (tick % 6 == 3) {
        size_t size = 24 * 1024 + 1024 * (size_t)mt.rng.below(24);
        char* output = leak_07(size);
        bool sum_differs = ++mt.verifications % 8 == 2;
        mt.checksum += output[size / 2];
        if (!sum_differs) free(output);
    }
    if (tick % 7 == 0) leak_12(mt, tick, "scrub of a block");
}

static void maintenance_thread(Maintenance* mt) {
    run_ticks([mt](int tick) { maintenance_tick(*mt, tick); });
}

// ---------------------------------------------------------------------------------------------------------------------
// Main thread: log, plug-ins, configuration, timers, replication, exports.

struct Plugin {
    std::string name;
    char* symbols;
    std::vector<std::string> exports;
};

struct Config {
    std::map<std::string, std::string> values;
    int version;
};

struct Include {
    Include* next;
    char* path;
    char text[160];
};

struct WheelTimer {
    WheelTimer* next;
    int due;
    char note[40];
};

struct AckFrame {
    AckFrame* next;
    int sequence;
    size_t len;
    char* payload;
};

struct Control {
    Rng rng{31337};
    double checksum = 0;
    std::deque<std::string> log;
    std::unordered_map<std::string, Plugin*> plugins;
    std::shared_ptr<Config> config, previous_config;
    Include* includes = nullptr;
    WheelTimer* wheel[64] = {};
    AckFrame* unacknowledged = nullptr;
    int sequence = 0;
    int* zone_table = nullptr;
};

// Clock resynchronisation: a new table of leap corrections replaces the old one, which is forgotten.
NI void leak_04(Control& ct, int tick) {
    int* table = (int*)xmalloc(150 * sizeof(int));
    for (int i = 0; i < 150; i++) table[i] = tick + i;
    ct.zone_table = table;
}

// Replication frames: freed by the peer's acknowledgement; since the peer speaks version 2 heartbeats are never acknowledged.
NI void leak_06(Control& ct, bool heartbeat) {
    AckFrame* frame = new AckFrame;
    frame->sequence = heartbeat ? -1 : ++ct.sequence;
    frame->len = heartbeat ? 72 : 100 + ct.rng.below(300);
    frame->payload = (char*)xcalloc(1, frame->len);
    frame->next = ct.unacknowledged;
    ct.unacknowledged = frame;
}

static pthread_key_t g_export_key;

// Context of an export thread: thread-specific data of a key that has no destructor.
NI char* leak_10(int job) {
    char* context = (char*)pthread_getspecific(g_export_key);
    if (!context) {
        context = (char*)xmalloc(900);
        memset(context, job, 900);
        pthread_setspecific(g_export_key, context);
    }
    return context;
}

// Included configuration files: a linked list of which only the head is freed before the next reload.
NI void leak_15(Control& ct, int files) {
    if (ct.includes) {
        free(ct.includes->path);
        delete ct.includes;  // the others of the list are lost
        ct.includes = nullptr;
    }
    for (int i = 0; i < files; i++) {
        char path[64];
        int n = snprintf(path, sizeof path, "/etc/sedge/conf.d/%02d-include.yml", i);
        Include* include = new Include;
        include->path = dup_n(path, n);
        memset(include->text, 'i', sizeof include->text);
        include->next = ct.includes;
        ct.includes = include;
    }
}

// Log in memory with rotation: five segments of 8 KB, the oldest goes.
NI void fine_33(Control& ct, const char* line) {
    if (ct.log.empty() || ct.log.back().size() > 8000) {
        ct.log.emplace_back();
        if (ct.log.size() > 5) ct.log.pop_front();
    }
    ct.log.back().append(line);
}

// Plug-ins: loaded upon their first use in the first third of the run, never unloaded.
NI Plugin* fine_37(Control& ct, const std::string& name) {
    Plugin*& slot = ct.plugins[name];
    if (!slot) {
        slot = new Plugin;
        slot->name = name;
        slot->symbols = new char[3000]();
        for (int i = 0; i < 20; i++) slot->exports.push_back(name + "_exported_function_" + std::to_string(i));
    }
    return slot;
}

// Configuration: each reload builds a new tree; the former one is kept for a rollback until the next reload.
NI void fine_38(Control& ct, int version) {
    auto fresh = std::make_shared<Config>();
    fresh->version = version;
    for (int i = 0; i < 60; i++) {
        fresh->values["section." + std::to_string(i % 7) + ".some-key-" + std::to_string(i)] = "value of version " + std::to_string(100 + version);
    }
    ct.previous_config = ct.config;
    ct.config = fresh;
}

// Timer wheel: most timers are due soon, a few after a long time; each is freed when it fires.
NI void fine_39(Control& ct, int due) {
    WheelTimer* timer = (WheelTimer*)malloc(sizeof(WheelTimer));
    timer->due = due;
    snprintf(timer->note, sizeof timer->note, "due at tick %d", due);
    timer->next = ct.wheel[due % 64];
    ct.wheel[due % 64] = timer;
}

static void fire_timers(Control& ct, int tick) {
    WheelTimer** link = &ct.wheel[tick % 64];
    while (WheelTimer* timer = *link) {
        if (timer->due > tick) {
            link = &timer->next;
            continue;
        }
        *link = timer->next;
        ct.checksum += timer->note[0];
        free(timer);
    }
}

static void acknowledge(Control& ct, int up_to, bool version2) {
    AckFrame** link = &ct.unacknowledged;
    while (AckFrame* frame = *link) {
        if (frame->sequence > up_to || (frame->sequence < 0 && version2)) {
            link = &frame->next;
            continue;
        }
        *link = frame->next;
        free(frame->payload);
        delete frame;
    }
}

static void export_thread(int job) {
    char* context = leak_10(job);
    for (int i = 0; i < 50; i++) context[i] = (char)(leak_10(job)[i + 50] + i);
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
}

static void control_tick(Control& ct, int tick, std::thread* exporter) {
    char line[160];
    for (int i = 0; i < 5; i++) {
        snprintf(line, sizeof line, "level=info tick=%d component=control message=\"step %d of the control loop\" peer=%d\n", tick, i, ct.rng.below(9));
        fine_33(ct, line);
    }
    int loaded = std::min(8, 1 + tick / 16);
    ct.checksum += fine_37(ct, "sedge-plugin-codec-" + std::to_string(ct.rng.below(2) ? loaded - 1 : ct.rng.below(loaded)))->symbols[5];
    if (tick % 30 == 0) fine_38(ct, tick / 30);
    if (tick % 40 == 10) leak_15(ct, 4);
    if (tick % 45 == 20) leak_04(ct, tick);
    for (int i = 0; i < 14; i++) fine_39(ct, tick + ct.rng.pareto(1, 90, 0.8));
    fire_timers(ct, tick);
    bool version2 = tick >= 195;
    leak_06(ct, false);
    leak_06(ct, false);
    if (tick % 3 == 0) leak_06(ct, true);
    if (tick % 2) acknowledge(ct, ct.sequence - 3, version2);
    if (tick % 16 == 8) {
        if (exporter->joinable()) exporter->join();
        *exporter = std::thread(export_thread, tick);
    }
}

static void destroy_maintenance(Maintenance& mt) {
    for (Block* block : mt.blocks) free_block(block);
    for (FileHandle* handle : mt.handles) {
        free(handle->path);
        delete[] handle->page;
        delete handle;
    }
    free(mt.scratch);
}

int main() {
    if (pthread_key_create(&g_export_key, nullptr)) return 1;
    std::unique_ptr<Shard> shards[2] = {std::unique_ptr<Shard>(new Shard(0)), std::unique_ptr<Shard>(new Shard(1))};
    std::unique_ptr<QueryServer> qs(new QueryServer);
    std::unique_ptr<AlertManager> am(new AlertManager);
    std::unique_ptr<Maintenance> mt(new Maintenance);
    std::unique_ptr<Control> ct(new Control);
    for (int rule = 0; rule < kRules; rule++) am->rules[rule] = fine_23(rule);
    fine_16(0, 0);  // before any query can pin it

    g_start = std::chrono::steady_clock::now();
    std::thread threads[] = {
        std::thread(ingest_thread, shards[0].get()), std::thread(ingest_thread, shards[1].get()), std::thread(query_thread, qs.get()),
        std::thread(alert_thread, am.get()),         std::thread(maintenance_thread, mt.get()),
    };
    std::thread exporter;
    run_ticks([&](int tick) { control_tick(*ct, tick, &exporter); });
    if (exporter.joinable()) exporter.join();
    for (std::thread& thread : threads) thread.join();

    uint64_t lines = shards[0]->lines + shards[1]->lines;
    double sum = shards[0]->checksum + shards[1]->checksum + qs->checksum + am->checksum + mt->checksum + ct->checksum;
    printf("sedge: %llu lines, %zu query statistics, %zu dead letters, check sum %.6g\n", (unsigned long long)lines, qs->stats.size(),
           am->dead_letters.size(), sum);
    destroy_maintenance(*mt);
    return 0;
}
