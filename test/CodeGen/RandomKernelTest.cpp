// Random kernels against the reference interpreter: shapes, layouts, chains of maps and reductions,
// outputs.
//
// All values stay within [-1, 1], and no operation enlarges an error more than the sum of its
// operands' errors. With at most 16 operations that is 2¹⁶ roundings in the worst case and a few
// dozen in practice; a wrong index, phase or place shows in the first digits. The bound lies
// between.
#include "KernelTesting.h"

#include "llvm/Support/InterleavedRange.h"

#include <algorithm>

using namespace gptc;
using namespace gptc::test;

namespace {
class Generator {
public:
  explicit Generator(unsigned seed) : random(seed) {
    static const int64_t widths[] = {1, 2, 5, 8, 16, 17, 31, 40, 67};
    for (int64_t axis = pick(4); axis > 0; --axis)
      rows.push_back(1 + pick(4));
    space = rows;
    space.push_back(widths[pick(std::size(widths))]);
  }

  std::string makeRowKernel() {
    addInput(space);
    for (int inputs = pick(4); inputs > 0; --inputs)
      addInput(randomShape());
    for (int steps = 3 + pick(12); steps > 0; --steps)
      addStep();
    // The whole space must be among what is computed, since it says what a row is.
    output(map(space, {0}));
    for (int outputs = pick(3); outputs > 0; --outputs)
      if (int value = pick(values.size()); isForEachRow(values[value].shape))
        output(value);
    return kernelText("row", inputs, outputs, body);
  }

  std::string makeColumnKernel() {
    std::vector<int64_t> axes;
    for (size_t axis = 0; axis < rows.size(); ++axis)
      if (pick(2))
        axes.push_back(axis);
    if (axes.empty()) {
      rows.insert(rows.begin(), 3);
      space.insert(space.begin(), 3);
      axes.push_back(0);
    }
    addInput(space);
    for (int inputs = pick(3); inputs > 0; --inputs)
      addInput(randomShape());
    for (int steps = pick(5); steps > 0; --steps)
      addStep(/*reductions=*/false);
    std::vector<int64_t> kept;
    for (size_t axis = 0; axis < space.size(); ++axis)
      if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
        kept.push_back(space[axis]);
    unsigned known = values.size();
    for (int reductions = 1 + pick(2); reductions > 0; --reductions) {
      int reduced = reduce(map(space, {0, static_cast<int>(pick(known))}), axes, kept);
      output(pick(2) ? map(kept, {reduced}) : reduced);
    }
    return kernelText("column", inputs, outputs, body);
  }

private:
  using Shape = std::vector<int64_t>;
  struct Value {
    std::string name;
    Shape shape;
  };

  unsigned pick(unsigned count) { return random() % count; }

  static std::string text(const Shape &shape) {
    std::string result;
    for (int64_t size : shape)
      result += std::to_string(size) + "x";
    return result + "f32";
  }

  /// The strides of the axes in a random order, with pads now and then.
  Shape randomStrides(const Shape &shape) {
    std::vector<size_t> order(shape.size());
    for (size_t axis = 0; axis < order.size(); ++axis)
      order[axis] = axis;
    if (pick(4) == 0)
      std::shuffle(order.begin(), order.end(), random);
    Shape strides(shape.size());
    int64_t step = 1;
    for (size_t axis : llvm::reverse(order)) {
      strides[axis] = step;
      step = step * shape[axis] + (pick(3) == 0 ? pick(5) : 0);
    }
    return strides;
  }

  /// A shape that stretches to the space, or one of a value a row.
  Shape randomShape() {
    if (pick(3) == 0)
      return rows;
    Shape shape(space.begin() + pick(space.size() + 1), space.end());
    for (int64_t &size : shape)
      if (pick(4) == 0)
        size = 1;
    return shape;
  }

  int add(const Shape &shape, std::string name = "") {
    if (name.empty())
      name = "v" + std::to_string(values.size());
    values.push_back({name, shape});
    return values.size() - 1;
  }

  void addInput(const Shape &shape) {
    std::string name = "in" + std::to_string(inputs.size());
    inputs.push_back({name, text(shape), randomStrides(shape)});
    add(shape, name);
  }

  void output(int value) {
    const auto &[name, shape] = values[value];
    outputs.push_back({name, text(shape), randomStrides(shape), pick(3) == 0});
  }

  bool isForEachRow(const Shape &shape) const {
    return shape == space || shape == rows || shape == columnOf(rows);
  }

  static Shape columnOf(Shape shape) {
    shape.push_back(1);
    return shape;
  }

  void addStep(bool reductions = true) {
    int value = pick(values.size());
    const Shape shape = values[value].shape;
    switch (pick(4)) {
    case 0:
      if (reductions && shape == space) {
        reduce(value, {static_cast<int64_t>(space.size()) - 1}, rows);
        return;
      }
      [[fallthrough]];
    case 1:
      if (shape == rows) {
        int column = add(columnOf(rows));
        body += "  %" + values[column].name + " = gpt.reshape %" + values[value].name +
                " : tensor<" + text(rows) + "> -> tensor<" + text(columnOf(rows)) + ">\n";
        return;
      }
      [[fallthrough]];
    default:
      // Values of a row by themselves, or anything over the whole space.
      if (shape == rows && pick(2))
        map(rows, {value});
      else
        map(space, {0, value, static_cast<int>(pick(values.size()))});
    }
  }

  static bool stretches(const Shape &from, const Shape &to) {
    return gpt::isBroadcastable(from, to);
  }

  int map(const Shape &shape, std::vector<int> operands) {
    llvm::erase_if(operands, [&](int value) { return !stretches(values[value].shape, shape); });
    std::vector<std::pair<std::string, std::string>> typed;
    for (int value : operands)
      typed.push_back({values[value].name, text(values[value].shape)});
    static const char *const unary[] = {
        "%u = math.tanh %a0 : f32", "%u = math.sin %a0 : f32",
        "%e = math.exp %a0 : f32\n%k = arith.constant 0.36 : f32\n%u = arith.mulf %e, %k : f32",
        "%u = arith.negf %a0 : f32", "%u = math.absf %a0 : f32"};
    std::string scalars = unary[pick(std::size(unary))], last = "%u";
    for (size_t i = 1; i < operands.size(); ++i) {
      std::string n = std::to_string(i), result = "%w" + n;
      switch (pick(4)) {
      case 0:
        scalars += "\n" + result + " = arith.mulf " + last + ", %a" + n + " : f32";
        break;
      case 1:
        scalars += "\n" + result + " = arith.maximumf " + last + ", %a" + n + " : f32";
        break;
      default:
        scalars += "\n%s" + n + " = arith.addf " + last + ", %a" + n + " : f32\n%h" + n +
                   " = arith.constant 0.5 : f32\n" + result + " = arith.mulf %s" + n + ", %h" + n +
                   " : f32";
      }
      last = result;
    }
    scalars += "\n%r = arith.negf " + last + " : f32";
    int result = add(shape);
    body += mapText(values[result].name, typed, text(shape), scalars);
    return result;
  }

  int reduce(int value, const Shape &axes, const Shape &kept) {
    static const char *const kinds[] = {"sum", "sum", "max", "min"};
    std::string kind = kinds[pick(std::size(kinds))];
    int64_t count = 1;
    for (int64_t axis : axes)
      count *= space[axis];
    int total = add(kept);
    llvm::raw_string_ostream(body)
        << "  %" << values[total].name << " = gpt.reduce " << kind << " %" << values[value].name
        << " [" << llvm::interleaved(axes) << "] : tensor<" << text(space) << "> -> tensor<"
        << text(kept) << ">\n";
    if (kind != "sum")
      return total;
    int mean = add(kept);
    body += mapText(values[mean].name, {{values[total].name, text(kept)}}, text(kept),
                    "%n = arith.constant " + std::to_string(count) +
                        ".0 : f32\n%r = arith.divf %a0, %n : f32");
    return mean;
  }

  std::mt19937 random;
  Shape rows, space;
  std::vector<Value> values;
  std::vector<OperandSpec> inputs, outputs;
  std::string body;
};
} // namespace

static void check(const std::string &text, unsigned seed) {
  SCOPED_TRACE(text);
  TestKernel kernel(text);
  kernel.check(kernel.makeInputs(1, 1, seed), 1e-4, 0);
}

TEST(RandomKernel, Rows) {
  for (unsigned seed = 0; seed < 150 && !HasFailure(); ++seed)
    check(Generator(seed).makeRowKernel(), seed);
}

TEST(RandomKernel, Columns) {
  for (unsigned seed = 0; seed < 60 && !HasFailure(); ++seed)
    check(Generator(seed).makeColumnKernel(), seed);
}
