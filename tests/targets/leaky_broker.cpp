/*
 * A message broker with twenty functions that leak and forty that do not, leak_NN and fine_NN: containers of C++, three threads, and load that comes in waves,
 * with pauses between. Of another character than leaky_service.c, and written after the rules that judge both.
 */
#include <chrono>
#include <cstdlib>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#define SITE __attribute__((noinline)) static void

using Text = std::string;
enum { TICKS = 3000 };

std::mutex lock;
int tick; /* of the thread that has the lock */
std::mt19937 engine(20);

static int pick(int n) { return (int)(engine() % (unsigned)n); }

struct Node { /* two that hold each other are never given back */
    std::shared_ptr<Node> other;
    char body[100];
};

std::multimap<int, std::shared_ptr<void>> due; /* what is given back at a tick */

template <class T> static void until(int at, std::shared_ptr<T> what) { due.emplace(at, std::move(what)); }

/* Leaks. */
std::map<int, Text> sessions, seen, retries, acks;
std::vector<Text> history, errors;
std::deque<Text> undelivered;
std::set<int> ids;
std::unordered_map<int, std::vector<int>> index_of;
std::list<std::shared_ptr<Text>> listeners, watchers;

SITE leak_00(int i) { sessions[i] = Text(60, 's'); if (i % 6) sessions.erase(i); }
SITE leak_01(int i) { if (i % 4 == 0) seen.emplace(i, Text(30, 'k')); }
SITE leak_02(int) { auto a = std::make_shared<Node>(); if (pick(12) == 0) { a->other = std::make_shared<Node>(); a->other->other = a; } }
SITE leak_03(int i) { if (i % 2) history.push_back(Text(100, 'h')); }
SITE leak_04(int i) { if (pick(60) == 0) errors.push_back("request " + std::to_string(i) + " failed: the peer has closed the connection"); }
SITE leak_05(int) { undelivered.push_back(Text(80, 'u')); if (pick(3) == 0) undelivered.pop_front(); }
SITE leak_06(int i) { ids.insert(i); if (i > 100 && i % 3) ids.erase(i - 100); }
SITE leak_07(int i) { index_of[i % 50].push_back(i); }
SITE leak_08(int i) { if (i % 150 == 20) listeners.push_back(std::make_shared<Text>(500, 'l')); }
SITE leak_09(int i) { char *p = (char *)malloc(40); p[0] = (char)i; if (pick(25)) free(p); }
SITE leak_10(int i) { auto *m = new std::vector<char>(200 + pick(800)); (*m)[0] = (char)i; if (pick(30)) delete m; }
SITE leak_11(int i) { retries[i] = Text(90, 'r'); if (i >= 300 && i % 8) retries.erase(i - 300); }
SITE leak_12(int i) { static std::vector<std::unique_ptr<int[]>> all; if (i % 400 == 399) all.push_back(std::make_unique<int[]>(2000)); }
SITE leak_13(int i) { acks[i] = Text(50, 'a'); acks.erase(i - pick(3)); }
SITE leak_14(int i) { auto *p = new char[64]; p[0] = 1; if (i < TICKS / 3 || pick(10)) delete[] p; }
SITE leak_15(int i) { auto p = std::make_shared<Text>(120, 'w'); if (pick(20) == 0) watchers.push_back(p); else until(i + pick(600), p); }
SITE leak_16(int i) { static Text log; log += "line " + std::to_string(i) + "\n"; }
int *volatile last; /* what is not used may not be asked for at all */

SITE leak_17(int i) { last = new int[256]; if (i % 600 >= 5) delete[] last; }
SITE leak_18(int i) { auto *p = new Text(300, 'x'); if (pick(200)) until(i + 2, std::shared_ptr<Text>(p)); }
SITE leak_19(int i) { if (i % 3 == 0) until(TICKS + 1, std::make_shared<Text>(70, 'e')); }

/* Healthy: what messages take. */
SITE fine_00(int) { Text t(100, 'a'); t += "b"; }
SITE fine_01(int i) { until(i + 1, std::make_shared<Text>(40, 'a')); }
SITE fine_02(int i) { until(i + 20, std::make_shared<Text>(200, 'a')); }
SITE fine_03(int i) { until(i + 150, std::make_shared<Text>(60, 'a')); }
SITE fine_04(int i) { until(i + 500, std::make_shared<Text>(60, 'a')); }
SITE fine_05(int i) { until(i + 1000, std::make_shared<Text>(60, 'a')); }
SITE fine_06(int i) { until(i + pick(30), std::make_shared<Text>(90, 'a')); }
SITE fine_07(int i) { until(i + pick(700), std::make_shared<Text>(90, 'a')); }
SITE fine_08(int i) { until(i + (pick(50) ? 3 : 900), std::make_shared<Text>(90, 'a')); }
SITE fine_09(int i) { until(i + 1 + (int)std::exponential_distribution<>(1 / 100.0)(engine), std::make_shared<Text>(70, 'a')); }
SITE fine_10(int i) { until(i + 1 + (int)std::lognormal_distribution<>(3, 1.2)(engine), std::make_shared<Text>(70, 'a')); }
SITE fine_11(int) { std::vector<int> v; for (int k = 0; k < 50; k++) v.push_back(k); }
SITE fine_12(int) { std::map<int, int> m; for (int k = 0; k < 5; k++) m[k] = k; }
SITE fine_13(int i) { static std::deque<Text> q; q.push_back(Text(50, 'q')); if (i % 40 == 39) q.clear(); }
SITE fine_14(int) { static std::list<Text> recent; recent.push_back(Text(64, 'r')); if (recent.size() > 200) recent.pop_front(); }
/* Caches. */
SITE fine_15(int) { static std::unordered_map<int, Text> c; c[pick(150)] = Text(80, 'c'); }
SITE fine_16(int) { static std::map<int, Text> c; int k = pick(5000); c[k] = Text(80, 'c'); if (c.size() > 300) c.erase(c.begin()); }
SITE fine_17(int) { static std::vector<std::unique_ptr<Text>> c(256); c[(size_t)pick(256)] = std::make_unique<Text>(60, 'c'); }
SITE fine_18(int i) { static std::map<int, Text> c; c[i] = Text(100, 'c'); c.erase(i - 400); }
SITE fine_19(int) { static std::set<int> words; words.insert((int)(std::geometric_distribution<>(0.05)(engine))); }
/* Buffers that grow. */
SITE fine_20(int i) { static Text b; b.assign((size_t)(50 + i % 900), 'b'); }
SITE fine_21(int i) { static std::vector<int> b; b.push_back(i); if (b.size() == 700) std::vector<int>().swap(b); }
SITE fine_22(int i) { static std::vector<int> b; if (b.size() < 1000) b.push_back(i); }
SITE fine_23(int) { static Text b; b.reserve((size_t)(100 + pick(100))); b.shrink_to_fit(); }
SITE fine_24(int i) { static std::unordered_map<int, int> h; h[i % 500] = i; }
/* Pools: as many as were needed at a time. */
SITE fine_25(int i) { static std::vector<std::unique_ptr<char[]>> p; if (p.size() < (size_t)std::min(30, i / 5)) p.push_back(std::make_unique<char[]>(1024)); }
SITE fine_26(int i) { static size_t most; static std::vector<std::unique_ptr<char[]>> p; size_t load = (size_t)(10 + pick(8) + (i < 200 ? 0 : 4));
    if (load > most) { most = load; p.push_back(std::make_unique<char[]>(4096)); } }
SITE fine_27(int i) { static std::vector<char *> p; if (i == 10 || i == 90 || i == 330 || i == 800) p.push_back(new char[16384]); }
/* On and off. */
SITE fine_28(int i) { static std::vector<Text> wave; if (i % 600 < 300) wave.push_back(Text(40, 'w')); else wave.clear(); }
SITE fine_29(int i) { static std::vector<Text> epoch; if (i % 450 == 0) { epoch.clear(); for (int k = 0; k < 60; k++) epoch.push_back(Text(90, 'e')); } }
SITE fine_30(int i) { static std::unique_ptr<Text> current; if (i % 100 == 0) current = std::make_unique<Text>(5000, 'c'); }
SITE fine_31(int i) { static std::unique_ptr<Text> two[2]; two[i % 2] = std::make_unique<Text>(300, 't'); }
SITE fine_32(int i) { static std::map<int, Text> open; if (i % 20 == 0) open[i] = Text(400, 'o'); open.erase(i - 250); }
/* Set up when first asked for. */
SITE fine_33(int i) { static Text *p; if (i == 30) { p = new Text(3000, 'p'); p->back() = 'q'; } }
SITE fine_34(int i) { static std::vector<Text *> p; if (i == 100 || i == 500 || i == 1200) p.push_back(new Text(700, 'p')); }
SITE fine_35(int i) { static std::map<int, Text> p; if (i < 900 && i % 60 == 0) p[i] = Text(100, 'p'); }
SITE fine_36(int) { thread_local std::vector<char> scratch(8192); scratch[0] = 1; }

/* At the start. */
SITE fine_37() { static std::vector<Text> t; for (int k = 0; k < 2000; k++) t.push_back(Text(30, 't')); }
SITE fine_38() { static auto *p = new std::vector<char>(2 << 20); (*p)[0] = 1; }
SITE fine_39() { static std::map<int, Text> m; for (int k = 0; k < 300; k++) m[k] = Text(50, 'm'); }

static void (*const all[])(int) = {
    leak_00, leak_01, leak_02, leak_03, leak_04, leak_05, leak_06, leak_07, leak_08, leak_09, leak_10, leak_11, leak_12, leak_13, leak_14, leak_15, leak_16,
    leak_17, leak_18, leak_19, fine_00, fine_01, fine_02, fine_03, fine_04, fine_05, fine_06, fine_07, fine_08, fine_09, fine_10, fine_11, fine_12, fine_13,
    fine_14, fine_15, fine_16, fine_17, fine_18, fine_19, fine_20, fine_21, fine_22, fine_23, fine_24, fine_25, fine_26, fine_27, fine_28, fine_29, fine_30,
    fine_31, fine_32, fine_33, fine_34, fine_35, fine_36,
};

/* One of the three threads takes each tick. In a wave they come at once, then there is a pause of a hundred times the length of one. */
static void work()
{
    static const auto start = std::chrono::steady_clock::now();
    for (;;) {
        int at;
        {
            std::lock_guard<std::mutex> hold(lock);
            if (tick == TICKS)
                return;
            at = tick++;
            for (auto *site : all)
                site(at);
            due.erase(due.begin(), due.upper_bound(at));
        }
        std::this_thread::sleep_until(start + std::chrono::microseconds(at / 100 * 100000 + at % 100 * 300));
    }
}

int main()
{
    fine_37();
    fine_38();
    fine_39();
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++)
        threads.emplace_back(work);
    for (auto &thread : threads)
        thread.join();
    due.clear();
}
