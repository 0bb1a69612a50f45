// Entries in which a value could be overwritten while somebody still needs it, or be added twice:
// the cases that places, chosen backwards from writes, must not get wrong. Each is compared with
// the interpreter.
#include "PlanHarness.h"

#include "gtest/gtest.h"

using namespace gptc::test;

namespace {
/// `add(r, a, b, type)`: text of r = a + b.
std::string add(const std::string &result, const std::string &a, const std::string &b,
                const std::string &type, const std::string &typeB = "") {
  return result + " = gpt.map(" + a + ", " + b + ") : (" + type + ", " +
         (typeB.empty() ? type : typeB) + ") -> " + type +
         " {\n  ^bb0(%x: f32, %y: f32):\n    %z = arith.addf %x, %y : f32\n    gpt.yield %z : "
         "f32\n  }\n";
}

void expectRight(const std::vector<RandomVariable> &variables, const std::string &body) {
  RandomGraph graph{"entry", variables, {{body, {}, {}}}};
  EXPECT_EQ(checkGraph(graph), "") << graph.text();
}

const RandomVariable v{"v", "state", {6, 6}}, w{"w", "state", {6, 6}}, x{"x", "input", {6, 6}};
const std::string type = "tensor<6x6xf32>", readAll = "%v = gpt.read @v : tensor<6x6xf32>\n"
                                                      "%w = gpt.read @w : tensor<6x6xf32>\n"
                                                      "%x0 = gpt.read @x : tensor<6x6xf32>\n";
} // namespace

TEST(Hazard, OldValueIsKeptUnderAnotherName) {
  expectRight({v, w, x}, readAll + "gpt.write @w, %v : " + type + "\n" +
                             add("%n", "%v", "%x0", type) + "gpt.write @v, %n : " + type + "\n");
}

TEST(Hazard, ViewOfTheOldValueIsKeptUnderAnotherName) {
  expectRight({v, w, x}, readAll + "%t = gpt.transpose %v [1, 0] : " + type + " -> " + type +
                             "\ngpt.write @w, %t : " + type + "\n" + add("%n", "%v", "%x0", type) +
                             "gpt.write @v, %n : " + type + "\n");
}

TEST(Hazard, VariablesSwap) {
  expectRight({v, w}, "%v = gpt.read @v : " + type + "\n%w = gpt.read @w : " + type +
                          "\ngpt.write @v, %w : " + type + "\ngpt.write @w, %v : " + type + "\n");
}

TEST(Hazard, ElementwiseUpdateReadsTheTransposedOldValueToo) {
  expectRight({v}, "%v = gpt.read @v : " + type + "\n%t = gpt.transpose %v [1, 0] : " + type +
                       " -> " + type + "\n" + add("%n", "%v", "%t", type) +
                       "gpt.write @v, %n : " + type + "\n");
}

TEST(Hazard, ElementwiseUpdateReadsARowOfTheOldValueToo) {
  expectRight({v}, "%v = gpt.read @v : " + type + "\n%r = gpt.slice %v [2, 0] [1, 6] : " + type +
                       " -> tensor<1x6xf32>\n" + add("%n", "%v", "%r", type, "tensor<1x6xf32>") +
                       "gpt.write @v, %n : " + type + "\n");
}

TEST(Hazard, UpdateAccumulatesOnWhatItReads) {
  expectRight({v, w, x}, readAll + add("%n", "%v", "%x0", type) +
                             "gpt.write @v, %n accumulate : " + type + "\n");
}

// One kernel, two results, each in place of what the other is computed from too.
TEST(Hazard, VariablesAreUpdatedFromEachOther) {
  const std::string two = type + ", " + type;
  expectRight({v, w}, "%v = gpt.read @v : " + type + "\n%w = gpt.read @w : " + type +
                          "\n%a, %b = gpt.map(%v, %w) : (" + two + ") -> (" + two +
                          ") {\n  ^bb0(%p: f32, %q: f32):\n    %s = arith.addf %p, %q : f32\n"
                          "    %d = arith.subf %p, %q : f32\n    gpt.yield %s, %d : f32, f32\n  "
                          "}\ngpt.write @w, %a : " +
                          type + "\ngpt.write @v, %b : " + type + "\n");
}

TEST(Hazard, DetachedOldValueIsReadLate) {
  expectRight({v, w, x}, readAll + "%d = gpt.detach %v : " + type + "\n" +
                             add("%n", "%x0", "%x0", type) + "gpt.write @v, %n : " + type +
                             "\n%m = gpt.matmul %x0, %d : " + type + ", " + type + " -> " + type +
                             "\ngpt.write @w, %m : " + type + "\n");
}

TEST(Hazard, PieceOfAConcatenationIsComputedBeforeTheOldValueIsRead) {
  const std::string half = "tensor<3x6xf32>";
  expectRight({v, w, x}, readAll + "%p, %q = gpt.split %x0 axis 0 : " + type + " -> " + half +
                             ", " + half + "\n" + add("%a", "%p", "%q", half) +
                             "%m = gpt.matmul %a, %v : " + half + ", " + type + " -> " + half +
                             "\n%n = gpt.matmul %p, %v : " + half + ", " + type + " -> " + half +
                             "\n%e = gpt.matmul %n, %x0 : " + half + ", " + type + " -> " + half +
                             "\n" + "%c = gpt.concat %e, %m axis 0 : " + half + ", " + half +
                             " -> " + type + "\ngpt.write @v, %c : " + type + "\n");
}

TEST(Hazard, HalvesOfAVariableChangePlaces) {
  const std::string half = "tensor<3x6xf32>";
  expectRight({v, w, x}, readAll + "%p, %q = gpt.split %v axis 0 : " + type + " -> " + half + ", " +
                             half + "\n" + "%r, %s = gpt.split %x0 axis 0 : " + type + " -> " +
                             half + ", " + half + "\n" + add("%a", "%q", "%r", half) +
                             "%m = gpt.matmul %a, %w : " + half + ", " + type + " -> " + half +
                             "\n" + add("%b", "%p", "%m", half) +
                             "%c = gpt.concat %a, %b axis 0 : " + half + ", " + half + " -> " +
                             type + "\ngpt.write @v, %c : " + type + "\n");
}

TEST(Hazard, ConcatenationOverwritesAnEarlierWrite) {
  const std::string half = "tensor<3x6xf32>";
  expectRight({v, w, x}, "%x0 = gpt.read @x : " + type +
                             "\n%p, %q = gpt.split %x0 axis 0 : " + type + " -> " + half + ", " +
                             half + "\n%a = gpt.matmul %p, %x0 : " + half + ", " + type + " -> " +
                             half + "\n" + "%n = gpt.matmul %x0, %x0 transpose_lhs : " + type +
                             ", " + type + " -> " + type + "\ngpt.write @v, %n : " + type +
                             "\n%b = gpt.matmul %q, %x0 : " + half + ", " + type + " -> " + half +
                             "\n%c = gpt.concat %a, %b axis 0 : " + half + ", " + half + " -> " +
                             type + "\ngpt.write @v, %c : " + type + "\n");
}

TEST(Hazard, ConcatenationOfConcatenationsAndTransposes) {
  const RandomVariable y{"y", "output", {12, 12}};
  const std::string wide = "tensor<6x12xf32>", all = "tensor<12x12xf32>";
  auto product = [&](const std::string &name, const std::string &a, const std::string &b) {
    return name + " = gpt.matmul " + a + ", " + b + " : " + type + ", " + type + " -> " + type +
           "\n";
  };
  expectRight({v, w, x, y}, readAll + product("%a", "%v", "%w") + product("%b", "%w", "%x0") +
                                product("%c", "%x0", "%v") +
                                "%ct = gpt.transpose %c [1, 0] : " + type + " -> " + type +
                                "\n%r = gpt.concat %a, %b axis 1 : " + type + ", " + type + " -> " +
                                wide + "\n%s = gpt.concat %ct, %a axis 1 : " + type + ", " + type +
                                " -> " + wide + "\n%t = gpt.concat %r, %s axis 0 : " + wide + ", " +
                                wide + " -> " + all + "\n%u = gpt.transpose %t [1, 0] : " + all +
                                " -> " + all + "\ngpt.write @y, %u : " + all + "\n");
}

// Axes of size 1 have strides that mean nothing; a padded row is where they differ.
TEST(Hazard, SumIsAddedOnceWhereAnAxisOfSizeOneIsPut) {
  expectRight({{"g", "gradient", {1, 200}}, {"x", "input", {5, 200}}},
              "%x = gpt.read @x : tensor<5x200xf32>\n"
              "%s = gpt.reduce sum %x [0] : tensor<5x200xf32> -> tensor<200xf32>\n"
              "%r = gpt.reshape %s : tensor<200xf32> -> tensor<1x200xf32>\n"
              "gpt.write @g, %r accumulate : tensor<1x200xf32>\n");
}

// The sum must run before the map that uses it stretched, and the matmul between them reads what
// that map would be gathered with.
TEST(Hazard, KernelsDoNotWaitForEachOther) {
  const std::string row = "tensor<6xf32>";
  expectRight({v, w, x, {"b", "state", {6}}},
              readAll + "%b = gpt.read @b : " + row + "\n" + add("%o", "%b", "%b", row) +
                  add("%g", "%v", "%w", type) + "%m = gpt.matmul %g, %x0 : " + type + ", " + type +
                  " -> " + type + "\n%l = gpt.slice %m [1, 0] [1, 6] : " + type +
                  " -> tensor<1x6xf32>\n%k = gpt.reshape %l : "
                  "tensor<1x6xf32> -> " +
                  row + "\n" + add("%p", "%o", "%k", row) + add("%h", "%g", "%o", type, row) +
                  "gpt.write @b, %p : " + row + "\ngpt.write @v, %h : " + type + "\n");
}

// The rows of the reduction's result merge with others, so what is stretched along them cannot be
// the same for all.
TEST(Hazard, RowValuesAreAddedToAVector) {
  expectRight({{"a", "input", {2, 3, 2}}, {"b", "input", {1, 3}}, {"y", "output", {2, 3}}},
              "%a = gpt.read @a : tensor<2x3x2xf32>\n%b = gpt.read @b : tensor<1x3xf32>\n"
              "%s = gpt.reduce sum %a [2] : tensor<2x3x2xf32> -> tensor<2x3xf32>\n" +
                  add("%r", "%s", "%b", "tensor<2x3xf32>", "tensor<1x3xf32>") +
                  "gpt.write @y, %r : tensor<2x3xf32>\n");
}

// The new value would lie where the product's left matrix, or the kernel's other operand, is still
// read.
TEST(Hazard, EpilogueUpdatesItsLeftMatrix) {
  expectRight({v, w, x}, readAll + "%m = gpt.matmul %v, %w : " + type + ", " + type + " -> " +
                             type + "\n" + add("%n", "%m", "%x0", type) +
                             "gpt.write @v, %n : " + type + "\n");
}

TEST(Hazard, EpilogueUpdatesItsOperand) {
  expectRight({v, w, x}, readAll + "%m = gpt.matmul %x0, %w : " + type + ", " + type + " -> " +
                             type + "\n" + add("%n", "%m", "%v", type) +
                             "gpt.write @v, %n : " + type + "\n");
}

TEST(Hazard, EpilogueAccumulatesOnItsOperandAndKeepsTheProduct) {
  const RandomVariable y{"y", "output", {6, 6}};
  expectRight({v, w, x, y}, readAll + "%m = gpt.matmul %x0, %w : " + type + ", " + type + " -> " +
                                type + "\n" + add("%n", "%m", "%v", type) +
                                "gpt.write @v, %n accumulate : " + type +
                                "\ngpt.write @y, %m : " + type + "\n");
}

TEST(Hazard, EpilogueAndItsProductAccumulate) {
  expectRight({v, w, x}, readAll + "%m = gpt.matmul %x0, %x0 : " + type + ", " + type + " -> " +
                             type + "\n" + add("%n", "%m", "%x0", type) +
                             "gpt.write @v, %n accumulate : " + type +
                             "\ngpt.write @w, %m accumulate : " + type + "\n");
}

// The product cannot be computed where its rows are columns.
TEST(Hazard, EpilogueIsTransposed) {
  expectRight({v, w, x}, readAll + "%m = gpt.matmul %x0, %x0 : " + type + ", " + type + " -> " +
                             type + "\n" + add("%n", "%m", "%x0", type) +
                             "%t = gpt.transpose %n [1, 0] : " + type + " -> " + type +
                             "\ngpt.write @v, %t : " + type + "\n");
}

// Rows of 256 and of 258 numbers lie at the same distance. The first piece of the gradient spans as
// much as all of it, but is not computed as one with the pads of what it is computed from: there
// lies the second piece.
TEST(Hazard, FirstPieceOfRowsIsNotTheWholeVariable) {
  const RandomVariable p{"p", "parameter", {4, 256}}, e{"e", "input", {4, 2}},
      f{"f", "input", {2, 2}}, g{"g", "gradient", {4, 258}};
  const std::string wide = "tensor<4x256xf32>", narrow = "tensor<4x2xf32>";
  expectRight({p, e, f, g},
              "%p = gpt.read @p : " + wide + "\n%e = gpt.read @e : " + narrow +
                  "\n%f = gpt.read @f : tensor<2x2xf32>\n%b = gpt.matmul %e, %f : " + narrow +
                  ", tensor<2x2xf32> -> " + narrow + "\n" + add("%a", "%p", "%p", wide) +
                  "%c = gpt.concat %a, %b axis 1 : " + wide + ", " + narrow +
                  " -> tensor<4x258xf32>\ngpt.write @g, %c : tensor<4x258xf32>\n");
}

TEST(Hazard, NormOfTheFirstPieceOfRows) {
  const RandomVariable g{"g", "gradient", {4, 258}}, n{"n", "output", {}};
  expectRight({g, n}, "%g = gpt.read @g : tensor<4x258xf32>\n"
                      "%s = gpt.slice %g [0, 0] [4, 256] : tensor<4x258xf32> -> tensor<4x256xf32>\n"
                      "%n = gpt.global_norm %s : tensor<4x256xf32> -> tensor<f32>\n"
                      "gpt.write @n, %n : tensor<f32>\n");
}
