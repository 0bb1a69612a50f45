// Polynomials in B and T, and the numbers that carry them.
#include "lib/Model/Number.h"

#include <gtest/gtest.h>

using namespace gptc::model;

namespace {

const Number B(Symbol::Batch, 4), T(Symbol::Sequence, 6);

Number operator+(const Number &a, const Number &b) { return Number::add(a, b); }
Number operator-(const Number &a, const Number &b) { return Number::subtract(a, b); }
Number operator*(const Number &a, const Number &b) { return Number::multiply(a, b); }
Number operator/(const Number &a, const Number &b) { return Number::divide(a, b); }

TEST(Number, Text) {
  EXPECT_EQ(Number(768).toString(), "768");
  EXPECT_EQ(Number(770.0 / 12).toString(), "64.17");
  EXPECT_EQ(Number(-1.5).toString(), "-1.5");
  EXPECT_EQ(Number(INFINITY).toString(), "inf");
  EXPECT_EQ(B.toString(), "B");
  EXPECT_EQ((T * Number(3)).toString(), "3 * T");
  EXPECT_EQ((B * T).toString(), "B * T");
  EXPECT_EQ((T / Number(2)).toString(), "T / 2");
  EXPECT_EQ((Number(3) * T / Number(2)).toString(), "3 * T / 2");
  EXPECT_EQ((T - Number(1)).toString(), "T - 1");
  EXPECT_EQ((Number(1) - T).toString(), "-T + 1");
  EXPECT_EQ((T * T * B + Number(2)).toString(), "B * T^2 + 2");
}

TEST(Number, CarriesTheValueForNow) {
  Number size = B * T / Number(4) + Number(1);
  EXPECT_EQ(size.value(), 7);
  EXPECT_TRUE(size.isWhole());
  EXPECT_FALSE(size.isConstant());
  EXPECT_TRUE(size.dependsOn(Symbol::Batch));
  EXPECT_FALSE(T.dependsOn(Symbol::Batch));
}

TEST(Number, SameOnlyForEveryBAndT) {
  EXPECT_TRUE(Number::same(T + T, Number(2) * T));
  EXPECT_TRUE(Number::same(T / Number(3) * Number(3), T)); // exact, although 1/3 is no double
  EXPECT_TRUE(Number::same((T + B) * (T - B), T * T - B * B));
  EXPECT_FALSE(Number::same(T, Number(6))); // equal now, by accident
  EXPECT_FALSE(Number::same(T, B + Number(2)));
  EXPECT_TRUE(Number::same(Number(0.1) + Number(0.2), Number(0.3)));
}

TEST(Number, WhatCancelsIsConstant) {
  EXPECT_TRUE((T - T).isConstant());
  EXPECT_TRUE((T / T).isOne());
  EXPECT_EQ((T * B / (B * T)).value(), 1);
}

TEST(Number, Quotients) {
  EXPECT_EQ((B * T / T).toString(), "B");
  EXPECT_EQ(((B * T + T) / T).toString(), "B + 1");
  EXPECT_EQ(((Number(2) * T + Number(2)) / (T + Number(1))).toString(), "2");
  EXPECT_TRUE((B / T).isOpaque());
  EXPECT_TRUE(((T + Number(1)) / (T - Number(1))).isOpaque());
  EXPECT_TRUE((Number(768) / T).isOpaque());
}

TEST(Number, OpaqueOnesAreNeverTheSame) {
  Number root = Number::apply(T, std::sqrt(6.0));
  EXPECT_TRUE(root.isOpaque());
  EXPECT_FALSE(Number::same(root, root));
  EXPECT_FALSE(Number::same(root * root, T));
  EXPECT_TRUE((root + Number(1)).isOpaque());
  EXPECT_TRUE(Number::apply(Number(4), 2).isConstant());
}

TEST(Number, TooLargeToBeExactIsOpaque) {
  Number large = T;
  for (int i = 0; i < 300; ++i)
    large = large * T;
  EXPECT_TRUE(large.isOpaque());
  EXPECT_TRUE((T * Number(1e300)).isOpaque());
  EXPECT_TRUE((T * Number(0.1)).isOpaque()); // no small fraction
  EXPECT_FALSE((T * Number(0.375)).isOpaque());
  Number product = T * Number(0x1p40);
  EXPECT_TRUE((product * product).isOpaque());
}

TEST(Number, Stretching) {
  Dims row{Number(8)}, column{B, Number(1)}, matrix{B, Number(8)};
  EXPECT_TRUE(stretchesTo(row, matrix));
  EXPECT_TRUE(stretchesTo(column, matrix));
  EXPECT_TRUE(stretchesTo({}, matrix));
  EXPECT_FALSE(stretchesTo(matrix, row));
  EXPECT_FALSE(stretchesTo(Dims{T, Number(8)}, matrix));
  EXPECT_EQ(toString(llvm::ArrayRef<Number>(matrix), true), "int[B, 8]");
}

} // namespace
