// Training steps of a plan, timed.
#ifndef GPTC_RUNTIME_APP_STEPTIMER_H
#define GPTC_RUNTIME_APP_STEPTIMER_H

#include "runtime/app/Dataset.h"
#include "runtime/app/ModelInputs.h"
#include "runtime/execute/Session.h"

#include <memory>
#include <optional>

namespace gptc::runtime {

/// A plan on a device, ready to train: steps of one micro-batch from seeded weights.
class StepTimer {
public:
  struct Measured {
    double milliseconds, loss;
  };

  /// `batches`, made for `inputs`, feeds it; random numbers if null. Errors as of Session::create;
  /// failedPrecondition if the plan cannot train.
  static Result<std::unique_ptr<StepTimer>> create(const Plan &plan, ModelInputs inputs,
                                                   std::unique_ptr<BatchSource> batches,
                                                   uint64_t seed, const SessionOptions &options);

  /// The next step, waited for; its commands are told to `profile`, which may be null.
  Result<Measured> step(Profile *profile = nullptr);

  const Session &session() const { return session_; }
  const ModelInputs &inputs() const { return inputs_; }

private:
  StepTimer(Session session, ModelInputs inputs, std::unique_ptr<BatchSource> batches,
            uint64_t seed)
      : session_(std::move(session)), inputs_(std::move(inputs)), batches_(std::move(batches)),
        seed_(seed) {}

  Session session_;
  ModelInputs inputs_;
  std::unique_ptr<BatchSource> batches_;
  uint64_t seed_;
  int64_t step_ = 0;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_APP_STEPTIMER_H
