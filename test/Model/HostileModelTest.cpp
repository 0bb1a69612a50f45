// Descriptions made to exhaust the compiler get an error, or are simply long; none takes the stack.
#include "ModelTesting.h"

#include <fmt/format.h>

using namespace gptc;
using namespace gptc::testing;

namespace {

/// The first message about `text`, or nothing.
std::string firstError(const std::string &text) {
  Loaded loaded(text);
  EXPECT_EQ(bool(loaded.model), !loaded.diagnostics.hasErrors());
  std::vector<const Diagnostic *> sorted = loaded.diagnostics.sorted();
  return sorted.empty() ? "" : sorted.front()->message();
}

/// Functions f0, f1, ... of which each calls the next one in `body`, which has {} for its name.
std::string chain(int count, const std::string &body) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += fmt::format("def f{}(x) = {}\n", i,
                        fmt::format(fmt::runtime(body), fmt::format("f{}", i + 1)));
  return text + fmt::format("def f{}(x) = x\nmodel M:\n    forward(x: [2]) = f0(x)\n", count);
}

TEST(HostileModel, LongChainsOfCalls) {
  EXPECT_EQ(firstError(chain(150, "{}(x) + 1")), "");
  EXPECT_EQ(firstError(chain(300, "{}(x) + 1")), "f201 is nested too deep");
}

TEST(HostileModel, DeepExpressionsInLongChains) {
  std::string deep = "{}(x)";
  for (int i = 0; i < 100; ++i)
    deep = "(1 + " + deep + ")";
  EXPECT_EQ(firstError(chain(5, deep)), "");
  EXPECT_EQ(firstError(chain(150, deep)), "calls and expressions are nested too deep");
}

TEST(HostileModel, CallsThatMultiply) {
  EXPECT_EQ(firstError(chain(30, "{0}(x) + {0}(x)")), "more than 100000 calls are inlined");
}

TEST(HostileModel, ModulesThatMultiply) {
  std::string text;
  for (int i = 0; i < 30; ++i)
    text += fmt::format("module N{0}:\n    a = N{1}()\n    b = N{1}()\n    forward(x: [...]) = x\n",
                        i, i + 1);
  text +=
      "module N30:\n    forward(x: [...]) = x\nmodel M:\n    n = N0()\n    forward(x: [2]) = x\n";
  EXPECT_EQ(firstError(text), "more than 100000 modules");
}

TEST(HostileModel, LongBodies) {
  std::string text = "model M:\n    forward(x: [2]) -> [2]:\n";
  for (int i = 0; i < 20000; ++i)
    text += fmt::format("        y{} = {} + 1\n", i, i ? fmt::format("y{}", i - 1) : "x");
  EXPECT_EQ(firstError(text + "        return y19999\n"), "");
}

TEST(HostileModel, ManyUnknownNames) {
  std::string text = "model M:\n    forward(x: [2]) -> [2]:\n";
  for (int i = 0; i < 5000; ++i)
    text += fmt::format("        y{} = unknown_{}\n", i, i);
  EXPECT_EQ(firstError(text + "        return x\n"), "unknown name unknown_0");
}

TEST(HostileModel, HugeSizes) {
  EXPECT_EQ(firstError("model M:\n    forward(x: [1e9, 1e9]) = x\n"),
            "x has too many elements: required at most 1099511627776, found 1e+18");
  EXPECT_EQ(firstError("model M:\n    forward(x: [1e300]) = x\n"),
            "1e300 is out of range: required 1 to 2147483648, found 1e+300");
}

} // namespace
