// Status values: how the runtime reports every failure.
//
// The runtime never throws and never aborts on bad input. A function that can fail returns a
// Status, or a Result<T> where it has something to give. A status holds a code, from which the
// command line derives its exit code, and a message that names the culprit (a file, a flag, a
// tensor).
#ifndef GPTC_RUNTIME_BASE_STATUS_H
#define GPTC_RUNTIME_BASE_STATUS_H

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace gptc::runtime {

enum class Code {
  ok,
  invalidArgument,    ///< a flag or a value asked for by the user makes no sense
  notFound,           ///< a file or a name does not exist
  dataError,          ///< a file's content is not what it must be
  ioError,            ///< the operating system refused to read or write
  outOfMemory,        ///< the device has no room
  unavailable,        ///< a library or a device is not there
  failedPrecondition, ///< the plan and what it meets (weights, data, machine) do not fit
  deviceLost,         ///< the device failed, and what its memory held is lost
  internal,           ///< a bug in gptc
};

class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  static Status success() { return {}; }

  bool ok() const { return code_ == Code::ok; }
  Code code() const { return code_; }
  const std::string &message() const { return message_; }

  /// The same status with `context` and ": " before its message; used on the way up, as in
  /// `status.within("weights.safetensors")`.
  Status within(const std::string &context) const {
    return ok() ? *this : Status(code_, context + ": " + message_);
  }

private:
  Code code_ = Code::ok;
  std::string message_;
};

/// A value, or the status that says why there is none.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(std::move(status)) { assert(!status_.ok()); }

  bool ok() const { return value_.has_value(); }
  const Status &status() const { return status_; }
  T &operator*() { return *value_; }
  const T &operator*() const { return *value_; }
  T *operator->() { return &*value_; }
  const T *operator->() const { return &*value_; }

private:
  std::optional<T> value_;
  Status status_;
};

} // namespace gptc::runtime

/// Returns from the enclosing function if `expression` is a failed Status.
#define GPTC_RETURN_IF_ERROR(expression)                                                           \
  do {                                                                                             \
    if (auto gptcStatus = (expression); !gptcStatus.ok())                                          \
      return gptcStatus;                                                                           \
  } while (false)

#define GPTC_CONCATENATE_INNER(a, b) a##b
#define GPTC_CONCATENATE(a, b) GPTC_CONCATENATE_INNER(a, b)
#define GPTC_ASSIGN_IMPL(result, declaration, expression)                                          \
  auto result = (expression);                                                                      \
  if (!result.ok())                                                                                \
    return result.status();                                                                        \
  declaration = std::move(*result)

/// `GPTC_ASSIGN(auto x, f())`: x is the value of the Result that f returned, or the enclosing
/// function returns its status.
#define GPTC_ASSIGN(declaration, expression)                                                       \
  GPTC_ASSIGN_IMPL(GPTC_CONCATENATE(gptcResult, __LINE__), declaration, expression)

#endif // GPTC_RUNTIME_BASE_STATUS_H
