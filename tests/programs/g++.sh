#!/usr/bin/env bash
# g++ compiles and links C++ with the heavier headers of its library.
# packages: g++
# shellcheck source=tests/programs/lib.sh disable=SC2016,SC2119
. "${0%/*}/lib.sh"

cat >a.cpp <<'CPP'
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <vector>
using Map = std::map<int, std::vector<std::string>>;
template <int N> struct Deep { static Map make() { auto m = Deep<N - 1>::make(); m[N].push_back(std::to_string(N)); return m; } };
template <> struct Deep<0> { static Map make() { return {}; } };
int main()
{
    auto m = Deep<60>::make();
    std::regex r("([a-z]+)-([0-9]+)");
    std::function<int(int)> f = [&](int n) { return n < 2 ? n : f(n - 1) + f(n - 2); };
    std::cout << m.size() << std::regex_match("ab-12", r) << f(10) << std::endl;
}
CPP
"$@" g++ -O1 -o a a.cpp
digest a
./a
