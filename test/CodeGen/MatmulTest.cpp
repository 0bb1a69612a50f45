// Generated matrix products: tiles and moves as machine code, put together by the runtime.
//
// A product sums K terms and what the result held, in blocks, one after the other: K + 2 additions
// and as many products, each off by 2⁻²⁴ of a partial sum that is at most S = Σ |a b| + |c|, so the
// result is within (2 K + 4) 2⁻²⁴ S of the exact one (N. Higham: "Accuracy and Stability of
// Numerical Algorithms", §3.1), and one rounding more for results of 16 bits: 2⁻⁸ or 2⁻¹¹ of it.
#include "KernelTesting.h"

#include "runtime/base/Half.h"
#include "runtime/base/Parallel.h"
#include "runtime/device/CpuProduct.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace gptc;
using namespace gptc::test;
using reference::Tensor;
using runtime::CpuProduct;
using runtime::ProductFunctions;
using runtime::ProductMatrix;

namespace {
/// By fb::DataType; integers are no operands of products. Behind them float32 that is rounded when
/// it is read.
const std::string typeNames[] = {"f32", "", "bf16", "f16", "f32", "f32"};
const std::string factorNames[] = {"f32", "", "bf16", "f16", "bf16", "f16"};
const std::string longNames[] = {"float32", "", "bfloat16", "float16", "bfloat16", "float16"};
const double roundoffs[] = {0, 0, 0x1p-8, 0x1p-11};

mlir::Type typeOf(const std::string &name) { return mlir::parseType(name, &getContext()); }

/// A plan with products of all types, compiled for a target.
struct Functions : ProductFunctions {
  explicit Functions(const CpuTarget &target) {
    std::string text = "plan.entry @entry {\n", buffers;
    for (unsigned type : {0u, 2u, 3u, 4u, 5u}) {
      const std::string &name = typeNames[type], &factor = factorNames[type];
      std::string buffer = "@" + name, view = "#plan.view<" + buffer + ", 0>";
      if (type < 4)
        buffers += "plan.buffer " + buffer + " in \"io\" bytes 256 of " + name + "\n";
      text += "plan.matmul 8 x 8 x 8 (" + view + ", " + view + ") to " + view +
              " strides [8, 8, 8] batch [] types [" + name + ", " + name + ", " + name +
              "] factors [" + factor + ", " + factor + "] generated\n";
    }
    auto module = mlir::parseSourceString<mlir::ModuleOp>(buffers + text + "}\n", &getContext());
    if (!module) {
      ADD_FAILURE() << text;
      return;
    }
    auto compiled = compileKernels(*module, target);
    if (failed(compiled)) {
      ADD_FAILURE() << target.cpu;
      return;
    }
    object = std::make_unique<LoadedObject>(compiled->object);
    rows = compiled->matmulTile.rows;
    lanes = compiled->matmulTile.lanes;
    for (int64_t vectors = 1; vectors <= compiled->matmulTile.vectors; ++vectors) {
      auto find = [&](const char *name) {
        return reinterpret_cast<Tile>(object->find(name + std::to_string(vectors)));
      };
      tiles.push_back(find("gptc_matmul_tile"));
      packedTiles.push_back(find("gptc_matmul_packed_tile"));
    }
    auto move = [&](const std::string &from, const std::string &to) {
      return reinterpret_cast<Move>(object->find("gptc_matmul_move_" + from + "_" + to));
    };
    for (unsigned type : {0u, 2u, 3u}) {
      const std::string &name = longNames[type];
      elements[type].read = move(name, "float32");
      elements[type].readTransposed = move(name, "float32_transposed");
      elements[type].write = move("float32", name);
    }
    for (unsigned type : {4u, 5u}) {
      elements[type].read = move("float32", longNames[type] + "_as_float32");
      elements[type].readTransposed = move("float32", longNames[type] + "_as_float32_transposed");
    }
  }

  std::unique_ptr<LoadedObject> object;
};

/// A matrix with rows at a distance, perhaps stored as its transpose.
struct Matrix {
  Matrix(int64_t rows, int64_t columns, unsigned type, bool transposed, int64_t gap,
         std::mt19937 &generator)
      : rows(rows), columns(columns), type(type), stride((transposed ? rows : columns) + gap),
        transposed(transposed), memory(layout()) {
    std::vector<double> values;
    for (int64_t i = 0; i < rows * columns; ++i)
      values.push_back(generator() * 0x1p-31 - 1);
    memory.set(Tensor({rows, columns}, values));
  }

  mlir::MemRefType layout() const {
    return mlir::MemRefType::get(
        {rows, columns}, typeOf(typeNames[type]),
        mlir::StridedLayoutAttr::get(&getContext(), 0,
                                     {transposed ? 1 : stride, transposed ? stride : 1}));
  }
  ProductMatrix use(const ProductFunctions &functions) {
    return {static_cast<std::byte *>(memory.data()), &functions.elements[type],
            transposed ? 1 : stride, transposed ? stride : 1};
  }
  /// The numbers that are multiplied.
  std::vector<double> factors() const {
    std::vector<double> values = memory.get().reals();
    for (double &value : values)
      if (auto single = static_cast<float>(value); type == 4)
        value = runtime::fromBfloat16(runtime::toBfloat16(single));
      else if (type == 5)
        value = runtime::fromFloat16(runtime::toFloat16(single));
    return values;
  }

  int64_t rows, columns;
  unsigned type;
  int64_t stride;
  bool transposed;
  Buffer memory;
};

/// Scratch memory of a product for so many threads, full of NaN.
class Scratch {
public:
  Scratch(const CpuProduct &product, int threads)
      : bytes(static_cast<size_t>(product.scratchBytes() * threads)),
        memory(static_cast<std::byte *>(std::aligned_alloc(64, bytes))) {
    std::memset(memory, 0xff, bytes);
  }
  ~Scratch() { std::free(memory); }
  Scratch(const Scratch &) = delete;
  std::byte *data() const { return memory; }

private:
  size_t bytes;
  std::byte *memory;
};

struct Case {
  int64_t m, n, k;
};

/// One product, shared out in several ways: within its bound, and always the same bits.
void check(const Functions &functions, Case sizes, std::array<unsigned, 3> types, bool left,
           bool right, bool accumulate) {
  SCOPED_TRACE(testing::Message() << sizes.m << " x " << sizes.n << " x " << sizes.k << " "
                                  << typeNames[types[0]] << " as " << factorNames[types[0]] << " "
                                  << typeNames[types[1]] << " as " << factorNames[types[1]] << " "
                                  << typeNames[types[2]] << (left ? " T" : " N")
                                  << (right ? " T" : " N") << (accumulate ? " added" : ""));
  std::mt19937 generator(static_cast<unsigned>(sizes.m * 31 + sizes.n * 7 + sizes.k));
  Matrix a(sizes.m, sizes.k, types[0], left, 3, generator),
      b(sizes.k, sizes.n, types[1], right, 5, generator),
      before(sizes.m, sizes.n, types[2], false, 7, generator);
  std::optional<Matrix> first;
  for (CpuProduct::Shares shares : {CpuProduct::Shares{0, 0, 0, 0},
                                    {1, functions.rows, 1, 0},
                                    {2, 2 * functions.rows, 2, 1},
                                    {3, functions.rows, 1, 0}}) {
    Matrix c = before;
    CpuProduct product({&functions, sizes.m, sizes.n, sizes.k, a.use(functions), b.use(functions),
                        c.use(functions), accumulate});
    if (shares.threads == 0)
      shares = product.share(2);
    Scratch scratch(product, shares.threads);
    product.run(shares, scratch.data());
    EXPECT_TRUE(c.memory.isIntact());
    if (!first)
      first = c;
    ASSERT_TRUE(first->memory.hasSameBits(c.memory)) << shares.threads << " " << shares.rows;
  }
  std::vector<double> lhs = a.factors(), rhs = b.factors(), old = before.memory.get().reals(),
                      found = first->memory.get().reals();
  double steps = 2 * static_cast<double>(sizes.k) + 4;
  for (int64_t i = 0; i < sizes.m; ++i)
    for (int64_t j = 0; j < sizes.n; ++j) {
      auto at = static_cast<size_t>(i * sizes.n + j);
      double exact = accumulate ? old[at] : 0, magnitude = std::abs(exact);
      const double *row = &lhs[static_cast<size_t>(i * sizes.k)],
                   *column = &rhs[static_cast<size_t>(j)];
      for (int64_t k = 0; k < sizes.k; ++k) {
        double term = row[k] * column[k * sizes.n];
        exact += term;
        magnitude += std::abs(term);
      }
      double bound = steps * 0x1p-24 * magnitude;
      // The rounding of what was computed, and of the smallest float16.
      bound += roundoffs[types[2]] * (std::abs(exact) + bound) + (types[2] == 3 ? 0x1p-25 : 0);
      ASSERT_LE(std::abs(found[at] - exact), bound) << i << " " << j;
    }
}
} // namespace

TEST(Matmul, FitsEveryShape) {
  for (const CpuTarget &target : testedTargets()) {
    SCOPED_TRACE(target.cpu);
    Functions functions(target);
    ASSERT_FALSE(functions.tiles.empty());
    for (Case sizes : {Case{1, 1, 1},
                       {1, 1, 769},
                       {1, 131, 17},
                       {7, 13, 5},
                       {8, 48, 16},
                       {9, 49, 17},
                       {64, 65, 128},
                       {37, 113, 801},
                       {50, 16, 1537}})
      for (bool left : {false, true})
        for (bool right : {false, true})
          for (bool accumulate : {false, true})
            check(functions, sizes, {0, 0, 0}, left, right, accumulate);
  }
}

TEST(Matmul, RoundsOnce) {
  for (const CpuTarget &target : testedTargets()) {
    SCOPED_TRACE(target.cpu);
    Functions functions(target);
    ASSERT_FALSE(functions.tiles.empty());
    for (Case sizes : {Case{5, 3, 2}, {16, 48, 32}, {37, 67, 1539}})
      for (std::array<unsigned, 3> types :
           {std::array<unsigned, 3>{2, 2, 2}, {2, 2, 0}, {3, 3, 3}, {3, 3, 0}, {0, 0, 2}})
        for (bool left : {false, true})
          for (bool right : {false, true})
            check(functions, sizes, types, left, right, left == right);
  }
}

/// Operands of float32 that are rounded while they are read multiply as if they had been stored so.
TEST(Matmul, RoundsFactorsFirst) {
  for (const CpuTarget &target : testedTargets()) {
    SCOPED_TRACE(target.cpu);
    Functions functions(target);
    ASSERT_FALSE(functions.tiles.empty());
    for (Case sizes : {Case{5, 3, 2}, {16, 48, 32}, {37, 67, 801}})
      for (std::array<unsigned, 3> types : {std::array<unsigned, 3>{4, 2, 2},
                                            {2, 4, 0},
                                            {5, 3, 3},
                                            {3, 5, 0},
                                            {4, 4, 0},
                                            {5, 0, 0}})
        for (bool left : {false, true})
          for (bool right : {false, true})
            check(functions, sizes, types, left, right, left == right);
  }
}

/// The moves by themselves: to nearest, to even where two are as near, and what has no neighbours.
TEST(Matmul, RoundsWhileItReads) {
  std::vector<float> special = {1 + 0x1p-8f,     1 + 0x3p-8f,  1 + 0x1p-8f + 0x1p-20f,
                                1 + 0x1p-11f,    1 + 0x3p-11f, -1 - 0x1p-11f - 0x1p-20f,
                                65519,           65520,        -3e38f,
                                0x1.fffffep127f, 0x1p-24f,     0x1p-25f,
                                0x1.8p-25f,      0x1p-140f,    -0.0f,
                                HUGE_VALF,       -HUGE_VALF,   std::nanf("")};
  constexpr int64_t rows = 13, columns = 37, gap = 3;
  for (const CpuTarget &target : testedTargets()) {
    SCOPED_TRACE(target.cpu);
    Functions functions(target);
    ASSERT_FALSE(functions.tiles.empty());
    for (unsigned type : {4u, 5u})
      for (bool transposed : {false, true}) {
        SCOPED_TRACE(factorNames[type] + (transposed ? " transposed" : ""));
        std::mt19937 generator(type);
        Matrix from(rows, columns, 0, false, gap, generator);
        std::vector<double> values = from.memory.get().reals();
        std::copy(special.begin(), special.end(), values.begin() + columns); // vectors of row 1
        for (size_t i = 0; i < 12; ++i) // one by one, in the last row and the last columns
          values[values.size() - 1 - i] = special[i];
        from.memory.set(Tensor({rows, columns}, values));
        Matrix to(transposed ? columns : rows, transposed ? rows : columns, 0, false, gap,
                  generator);
        const ProductFunctions::Element &element = functions.elements[type];
        auto move = transposed ? element.readTransposed : element.read;
        ASSERT_TRUE(move);
        move(from.memory.data(), from.stride, to.memory.data(), to.stride, rows, columns, 0);
        EXPECT_TRUE(to.memory.isIntact());
        std::vector<double> found = to.memory.get().reals();
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            double expected = roundTo(typeOf(factorNames[type]),
                                      values[static_cast<size_t>(i * columns + j)]),
                   value = found[static_cast<size_t>(transposed ? j * rows + i : i * columns + j)];
            SCOPED_TRACE(testing::Message() << i << " " << j);
            ASSERT_EQ(std::isnan(value), std::isnan(expected));
            if (std::isnan(expected))
              continue;
            EXPECT_EQ(value, expected);
            EXPECT_EQ(std::signbit(value), std::signbit(expected));
          }
      }
  }
}

/// More columns than wait for the rest of their sums at a time, blocks of both operands, and more
/// blocks of rows than are shared.
TEST(Matmul, CrossesBlocks) {
  Functions functions(CpuTarget::host());
  ASSERT_FALSE(functions.tiles.empty());
  check(functions, {1031, 40, 900}, {2, 2, 2}, false, false, false);
  check(functions, {40, 1031, 900}, {2, 2, 2}, false, true, false);
  check(functions, {700, 700, 770}, {0, 0, 0}, true, false, true);
  for (int repeated = 0; repeated < 5; ++repeated) {
    check(functions, {8, 4100, 900}, {2, 2, 2}, false, false, false);
    check(functions, {64, 2064, 800}, {2, 2, 2}, false, true, false);
  }
}

/// What is infinite or no number stays with its row and column.
TEST(Matmul, KeepsNanWhereItBelongs) {
  Functions functions(CpuTarget::host());
  ASSERT_FALSE(functions.tiles.empty());
  std::mt19937 generator(1);
  Matrix a(19, 23, 0, false, 1, generator), b(23, 51, 0, false, 1, generator),
      c(19, 51, 0, false, 1, generator);
  std::vector<double> values = a.memory.get().reals();
  values[5 * 23 + 7] = std::nan("");
  a.memory.set(Tensor({19, 23}, values));
  CpuProduct product(
      {&functions, 19, 51, 23, a.use(functions), b.use(functions), c.use(functions), false});
  product.run(1, Scratch(product, 1).data());
  std::vector<double> found = c.memory.get().reals();
  for (int64_t i = 0; i < 19; ++i)
    for (int64_t j = 0; j < 51; ++j)
      EXPECT_EQ(std::isnan(found[static_cast<size_t>(i * 51 + j)]), i == 5) << i << " " << j;
}
