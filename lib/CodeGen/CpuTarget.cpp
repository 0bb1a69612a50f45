// The processors that kernels are compiled for.
//
// Code for a level of x86-64 runs on every processor of that level, so plans can be carried between
// machines of a kind.
#include "gptc/CodeGen/CpuCompiler.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

using namespace gptc;

namespace {
struct Level {
  llvm::StringLiteral name;
  unsigned vectorBits;
  std::vector<std::string> required;
};

/// From the highest down.
const std::vector<Level> &levels() {
  static const std::vector<Level> all = {
      {"x86-64-v4",
       512,
       {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "fma", "bmi", "bmi2",
        "f16c"}},
      {"x86-64-v3", 256, {"avx2", "fma", "bmi", "bmi2", "f16c"}}};
  return all;
}

bool hostHas(const Level &level) {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return llvm::all_of(level.required,
                      [&](const std::string &name) { return features.lookup(name); });
}

CpuTarget targetOf(const Level &level) {
  CpuTarget target;
  target.triple = "x86_64-unknown-linux-gnu";
  target.cpu = level.name;
  if (hostHas(level))
    target.tune = llvm::sys::getHostCPUName();
  target.vectorBits = level.vectorBits;
  target.required = level.required;
  return target;
}
} // namespace

std::optional<CpuTarget> CpuTarget::level(llvm::StringRef name) {
  for (const Level &level : levels())
    if (level.name == name)
      return targetOf(level);
  return std::nullopt;
}

CpuTarget CpuTarget::host() {
  for (const Level &level : levels())
    if (hostHas(level))
      return targetOf(level);
  CpuTarget target;
  target.triple = llvm::sys::getDefaultTargetTriple();
  target.cpu = llvm::sys::getHostCPUName();
  std::vector<std::string> names;
  for (const auto &[name, has] : llvm::sys::getHostCPUFeatures()) {
    names.push_back((has ? "+" : "-") + name.str());
    if (has)
      target.required.push_back(name.str());
  }
  // A hash table's order is no order to compile by.
  llvm::sort(names);
  llvm::sort(target.required);
  target.features = llvm::join(names, ",");
  return target;
}
