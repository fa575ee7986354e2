/* Containers of C++ on one thread, the same in each run; some of what they hold is never freed. */
#include <map>
#include <string>
#include <vector>

int main()
{
    std::map<std::string, std::vector<int>> held;
    std::vector<std::string *> left;
    for (int i = 0; i < 2000; i++) {
        std::string name = "a name that is too long for its place, " + std::to_string(i * 7919 % 500);
        held[name].push_back(i);
        if (i % 10 == 0)
            left.push_back(new std::string(name));
        if (i % 3 == 0)
            held.erase(held.begin());
    }
    return held.size() + left.size() > 0 ? 0 : 1;
}
