// Plans made by hand: a small builder over the schema's object API, and a bigram model with all
// entries of a training plan.
#ifndef GPTC_TEST_RUNTIME_EXECUTE_TESTPLAN_H
#define GPTC_TEST_RUNTIME_EXECUTE_TESTPLAN_H

#include "TestSizes.h"
#include "runtime/plan/Plan.h"
#include "runtime/plan/Plan_generated.h"

#include <string>
#include <vector>

namespace gptc::runtime::test {

/// A plan that is being made. `plan` can be changed at will before it is packed.
class TestPlan {
public:
  TestPlan();

  fb::PlanT plan;

  /// Each returns the number of what was added.
  uint32_t addSegment(const std::string &name, uint64_t bytes);
  uint32_t addKernel(const std::string &symbol);
  /// A tensor at the end of the segment's tensors so far (64-byte aligned), with rows of `stride`
  /// elements (0: dense). The segment grows as need be.
  fb::TensorT &addTensor(const std::string &name, fb::TensorKind kind, uint32_t segment,
                         std::vector<int64_t> shape, int64_t stride = 0,
                         fb::DataType type = fb::DataType::float32);
  /// The address of a tensor.
  fb::Address at(const std::string &name) const;
  fb::EntryT &addEntry(const std::string &name, std::vector<uint32_t> segments,
                       uint64_t transientBytes = 0);
  /// Appends a launch of one instance.
  fb::LaunchT &launch(fb::EntryT &entry, const std::string &symbol,
                      std::vector<fb::Address> operands, int64_t rows, int64_t grain = 1);
  fb::MatmulT &matmul(fb::EntryT &entry, fb::Address lhs, fb::Address rhs, fb::Address result,
                      int64_t m, int64_t n, int64_t k);
  /// Gives the entry's last command, a matmul, an epilogue.
  fb::LaunchT &epilogue(fb::EntryT &entry, const std::string &symbol,
                        std::vector<fb::Address> operands, int64_t rows, int64_t grain = 1);
  /// Makes it a plan for GPUs: all kernels so far are in one CUDA module with that source, and run
  /// a thread a row, 32 in a block. The argsort and matmuls are left out.
  fb::CudaT &useCuda(const std::string &source = "// nothing");
  /// Takes the test kernels as its object.
  void useTestKernels();

  std::string pack() const;
  /// Packs and loads it.
  Result<Plan> load() const;

private:
  std::vector<uint64_t> used_; ///< bytes of each segment that tensors take
};

/// Loads a plan from bytes, which are copied.
Result<Plan> loadPlan(const std::string &bytes);

/// logits[b, t] = table[tokens[b, t]]: parameter `table`, its gradient and moments, a state
/// `count`, and the entries accumulate_first, accumulate_middle, update, evaluate, logits. With
/// `lastOnly`, logits are [B, V].
TestPlan bigramPlan(bool lastOnly = false);

/// Entry `sort`: output `order` of six numbers from input `tokens`.
TestPlan sortPlan();

} // namespace gptc::runtime::test

#endif // GPTC_TEST_RUNTIME_EXECUTE_TESTPLAN_H
