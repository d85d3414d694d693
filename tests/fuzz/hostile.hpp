// Inputs that are made to cost much rather than to crash: mutations do not find them.
#pragma once

#include <functional>
#include <string>
#include <vector>

struct Hostile {
    std::string name;
    std::function<void()> run;  ///< has to throw CorruptData, within the fuzzer's limits of time and memory
};

std::vector<Hostile> hostile_inputs();
