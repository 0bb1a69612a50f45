// What tests of compiled kernels share: a kernel in MLIR text, its machine code, operands in memory
// with guards around them, and the reference interpreter's opinion.
#ifndef GPTC_TEST_CODEGEN_KERNELTESTING_H
#define GPTC_TEST_CODEGEN_KERNELTESTING_H

#include "gptc/CodeGen/CpuCompiler.h"
#include "gptc/Dialect/Plan/PlanOps.h"
#include "gptc/Reference/Interpreter.h"

#include "gtest/gtest.h"

#include <memory>
#include <random>

namespace gptc::test {

/// A context with the dialects that plans use.
mlir::MLIRContext &getContext();

/// The levels of x86-64 that this machine can run, or what it is if it has none of them.
std::vector<CpuTarget> testedTargets();

/// A shared object that is loaded from memory.
class LoadedObject {
public:
  explicit LoadedObject(const std::vector<char> &bytes);
  ~LoadedObject();
  LoadedObject(const LoadedObject &) = delete;
  using Function = void (*)(void *const *operands, int64_t begin, int64_t end);
  Function find(const std::string &symbol) const;

private:
  int file; ///< open as long as the object is: the loader tells objects apart by path
  void *handle = nullptr;
};

/// How an operand is written in a test: "3x17xf32", and its strides, those of a dense tensor if
/// none are given.
struct OperandSpec {
  std::string name; ///< of an input, or of the value that is the output
  std::string type;
  std::vector<int64_t> strides = {};
  bool accumulate = false; ///< for outputs
  int64_t inPlace = -1;    ///< for outputs
};

/// The text of a `plan.kernel @kernel`.
std::string kernelText(const std::string &schedule, const std::vector<OperandSpec> &inputs,
                       const std::vector<OperandSpec> &outputs, const std::string &body);

/// A `gpt.map` of `result`; `scalars` is its region, in which operand i is %ai and the result is
/// %r.
std::string mapText(const std::string &result,
                    const std::vector<std::pair<std::string, std::string>> &operands,
                    const std::string &type, const std::string &scalars);

/// A tensor in memory: elements at strides, and around them memory that nobody may write.
class Buffer {
public:
  Buffer(mlir::MemRefType layout);
  void *data() { return memory.data() + guard; }
  /// Real numbers are rounded to the element type.
  void set(const reference::Tensor &tensor);
  reference::Tensor get() const;
  /// The bits of all elements.
  std::vector<uint32_t> getBits() const;
  void setBits(llvm::ArrayRef<uint32_t> bits);
  /// Whether all memory that is no element is as it was made.
  bool isIntact() const;
  bool hasSameBits(const Buffer &other) const { return memory == other.memory; }

private:
  static constexpr int64_t guard = 256; ///< bytes
  std::vector<int64_t> offsets() const;
  /// What lies so many elements behind the first.
  uint32_t read(int64_t place) const;
  void write(int64_t place, uint32_t bits);

  mlir::MemRefType layout;
  int64_t size; ///< of an element, in bytes
  std::vector<char> memory;
};

/// A real number rounded to float32, and then to the element type.
double roundTo(mlir::Type element, double value);

class TestKernel {
public:
  /// Parses, decomposes named operations, and compiles for `target`. Failures become the test's.
  explicit TestKernel(const std::string &text, const CpuTarget &target = CpuTarget::host());

  plan::KernelOp op() const { return kernel; }
  const std::vector<char> &getCode() const { return code; }
  int64_t getRows() const { return op().getRows(); }
  unsigned countInputs() const { return op().getBody().getNumArguments(); }
  mlir::MemRefType getLayout(unsigned operand) const;

  /// Random values for every input: reals uniform in [-limit, limit], integers in [0,
  /// limitOfIndices).
  std::vector<reference::Tensor> makeInputs(double limit, int32_t limitOfIndices = 1,
                                            unsigned seed = 1) const;

  /// Runs rows [0, getRows()), divided at `cuts`, the last part first. Outputs that accumulate
  /// start from `before`. An output in place of an input shares its buffer. Fails if anything but
  /// elements of outputs was written.
  std::vector<Buffer> run(llvm::ArrayRef<reference::Tensor> inputs,
                          llvm::ArrayRef<int64_t> cuts = {}, double before = 0) const;
  /// The same with inputs in memory.
  std::vector<Buffer> run(llvm::ArrayRef<Buffer> inputs, llvm::ArrayRef<int64_t> cuts = {},
                          double before = 0) const;

  /// What the interpreter computes in float64, or with each result rounded to its type.
  std::vector<reference::Tensor>
  evaluate(llvm::ArrayRef<reference::Tensor> inputs,
           reference::Precision precision = reference::Precision::float64) const;

  /// Runs whole and in uneven parts, which must give the same bits, and fails unless each element
  /// is within `absolute` + `relative` times its magnitude of the interpreter's. For outputs of 16
  /// bits their own rounding comes on top of that: half a unit in the last place.
  void check(llvm::ArrayRef<reference::Tensor> inputs, double absolute, double relative) const;

private:
  mlir::OwningOpRef<mlir::ModuleOp> module;
  plan::KernelOp kernel;
  std::vector<char> code;
  std::unique_ptr<LoadedObject> object;
  LoadedObject::Function function = nullptr;
};

/// Half a unit in the last place of 1: the largest relative error of one operation in float32.
inline constexpr double roundoff = 0x1p-24;

} // namespace gptc::test

#endif // GPTC_TEST_CODEGEN_KERNELTESTING_H
