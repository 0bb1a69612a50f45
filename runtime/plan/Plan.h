// A plan file, loaded and verified: what the rest of the runtime sees of it.
//
// Everything that a plan says is checked once, here: afterwards indices point at something, extents
// lie within their segments, and sums do not overflow. Checking never runs any of the plan's code.
#ifndef GPTC_RUNTIME_PLAN_PLAN_H
#define GPTC_RUNTIME_PLAN_PLAN_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::runtime {

namespace fb {
struct Plan;
struct Entry;
} // namespace fb

/// The newest format that this runtime reads, and the one that a compiler of the same source
/// writes.
inline constexpr uint32_t planFormatVersion = 4;

/// The name of the segment that entries overlay: each needs Entry::transient_bytes of it.
inline constexpr std::string_view transientSegment = "transient";

// The enumerators have the schema's values.
enum class DataType : int8_t { float32, int32, bfloat16, float16 };
enum class TensorKind : int8_t { parameter, state, moment, gradient, input, output, step };
enum class InitKind : int8_t { none, constant, normal, uniform };

/// Bytes of an element.
inline constexpr uint64_t elementBytes(DataType type) {
  return type == DataType::bfloat16 || type == DataType::float16 ? 2 : 4;
}

/// "float32", "int32", "bfloat16", "float16".
std::string_view nameOf(DataType type);

/// Byte `offset` in segment number `segment`.
struct Place {
  uint32_t segment = 0;
  uint64_t offset = 0;
};

struct SegmentInfo {
  std::string name;
  uint64_t bytes = 0;
};

/// A row of the binding table. Element (i, j, …) of the logical tensor lies at `place` plus i ·
/// strides[0] + j · strides[1] + … elements; the tensor owns `bytes` bytes from `place`.
struct TensorInfo {
  std::string name;
  TensorKind kind = TensorKind::parameter;
  DataType type = DataType::float32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  Place place;
  uint64_t bytes = 0;
  InitKind init = InitKind::none;
  double initA = 0;
  double initB = 0;
  bool decay = false;
  std::string owner;   ///< of a gradient, moment or derived input; else empty
  std::string derived; ///< "order", or empty
  int64_t limit = 0;   ///< integer inputs: values lie below it; 0: no limit

  /// Logical elements; 1 for a scalar.
  int64_t count() const {
    int64_t product = 1;
    for (int64_t size : shape)
      product *= size;
    return product;
  }
};

struct EntryInfo {
  std::string name;
  std::vector<uint32_t> segments; ///< those it needs; `transient` among them if it uses any of it
  uint64_t transientBytes = 0;
};

class Plan {
public:
  /// Maps, verifies and checks a file. Messages begin with the path. Errors: notFound, ioError;
  /// dataError (not a plan, damaged: says what is wrong); failedPrecondition (a newer format).
  static Result<Plan> load(const std::string &path);
  /// The same for bytes in memory, which `owner` keeps alive; messages begin with `name`.
  static Result<Plan> parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                            const std::string &name);

  // Copies are cheap: they share the content.

  /// The path it was loaded from.
  const std::string &name() const;
  std::string_view model() const;
  /// The text of the model's description; may be empty.
  std::string_view description() const;
  std::string_view compilerVersion() const;
  std::string_view target() const;
  std::vector<std::string> cpuFeatures() const;
  /// What the plan was compiled for, an object (batch_size, optimizer, config …).
  const nlohmann::json &settings() const;
  std::span<const std::byte> object() const;

  const std::vector<SegmentInfo> &segments() const;
  const std::vector<TensorInfo> &tensors() const;
  const std::vector<EntryInfo> &entries() const;
  /// nullptr if there is none.
  const TensorInfo *findTensor(std::string_view name) const;
  /// -1 if there is none.
  int findEntry(std::string_view name) const;
  /// The number of the segment that entries overlay, or -1.
  int transientIndex() const;

  /// Elements of all parameters.
  int64_t parameterCount() const;

  /// The FlatBuffers tables, for the device; `entry` is an index into entries().
  const fb::Plan &table() const;
  const fb::Entry &entryTable(size_t entry) const;

  struct Content;

private:
  explicit Plan(std::shared_ptr<const Content> content) : content_(std::move(content)) {}

  std::shared_ptr<const Content> content_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_PLAN_PLAN_H
