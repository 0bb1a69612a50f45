// A step's matrix products computed again by oneDNN, as fast as it can: each in the layouts that
// it likes best, whatever that would cost others.
//
// Operands begin where the plan has them, in memory as large as the plan's: so a product finds in
// the cache what it would find there in the step, and the weights of each layer come from memory.
#ifndef GPTC_RUNTIME_APP_PRODUCTREPLAY_H
#define GPTC_RUNTIME_APP_PRODUCTREPLAY_H

#include "runtime/app/StepProducts.h"
#include "runtime/device/CpuCommands.h"
#include "runtime/device/DnnlProduct.h"

#include <cmath>
#include <memory>
#include <optional>

namespace gptc::runtime {

class ProductReplay {
public:
  /// Products of one shape.
  struct Shape {
    std::string text; ///< StepProduct::text
    ProductSizes sizes;
    int64_t count = 0;
    std::string method; ///< how it is computed, with oneDNN's name of the code
    double seconds = 0; ///< of all runs so far
  };

  /// Makes oneDNN's primitives, allocates memory, and times each way to compute a shape in turn;
  /// the fastest stays. `entries` are those of the products. Errors: of openDnnlPrimitives();
  /// outOfMemory.
  static Result<std::unique_ptr<ProductReplay>>
  create(const Plan &plan, std::span<const std::string> entries, std::vector<StepProduct> products);

  /// Computes all products once, in order; the seconds it took. Then, beside the clock, it puts
  /// what they wrote back to what it was.
  Result<double> run();
  /// Forgets the seconds of the runs so far.
  void forget();

  const std::vector<Shape> &shapes() const { return shapes_; }
  const std::string &libraryVersion() const { return engine_.table->version; }
  double flops() const;
  /// Memory of the plan's segments; null for those that the entries do not use.
  const std::vector<std::byte *> &segments() const { return resources_.segments; }

private:
  /// One way to compute the products of a shape: a primitive, or sgemm as the plan calls it.
  struct Method {
    std::optional<DnnlProduct> primitive;
    std::string name;
    bool isCandidate = true;
    double passSeconds = 0; ///< of this pass
    int64_t passRuns = 0;
    double bestSeconds = INFINITY; ///< of a product, in the fastest pass
  };
  struct Command {
    size_t shape;
    StepProduct product;
    CpuMatmul sgemm;
    std::vector<DnnlProduct::Operands> operands; ///< by method; sgemm's are empty
  };

  ProductReplay(DnnlEngine engine, const Dnnl *library)
      : engine_(std::move(engine)), library_(library) {}

  void addCommand(StepProduct product);
  void addMethods(const StepProduct &product);
  Status allocate(const Plan &plan, std::span<const std::string> entries);
  Status bind();
  void restore() const;
  Status choose();
  Status tryMethod(size_t method);
  Status compute(const Command &command, size_t method) const;

  DnnlEngine engine_;
  const Dnnl *library_;
  ProductFunctions functions_; ///< says what float32 elements are
  CpuScratch scratch_;
  CpuResources resources_;
  std::vector<CpuMemory> memory_;
  std::vector<Shape> shapes_;
  std::vector<std::vector<Method>> methods_; ///< by shape
  std::vector<size_t> chosen_;               ///< by shape
  std::vector<Command> commands_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_PRODUCTREPLAY_H
