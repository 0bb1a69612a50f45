// Arrays in host memory as files hold them (.npy, .npz, safetensors): an element type, a shape, and
// bytes that need not be aligned.
#ifndef GPTC_RUNTIME_DATA_HOSTARRAY_H
#define GPTC_RUNTIME_DATA_HOSTARRAY_H

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::runtime {

/// Element types of files; all little-endian.
enum class HostType {
  boolean,
  uint8,
  int8,
  uint16,
  int16,
  float16,
  bfloat16,
  uint32,
  int32,
  float32,
  uint64,
  int64,
  float64,
};

/// Bytes of one element.
int64_t elementSize(HostType type);
/// As messages spell it: "float32".
std::string_view typeName(HostType type);
/// As a .npy header spells it ("<f4"), or none where numpy has no such type (bfloat16).
std::optional<std::string_view> npyCode(HostType type);
std::optional<HostType> typeFromNpyCode(std::string_view code);
/// As a safetensors header spells it ("F32").
std::string_view safetensorsCode(HostType type);
std::optional<HostType> typeFromSafetensorsCode(std::string_view code);

/// The product of `shape`, 1 for a scalar; none if a size is negative or the bytes would not fit
/// into 63 bits.
std::optional<int64_t> elementCount(std::span<const int64_t> shape, HostType type);
/// "[2, 3]".
std::string shapeText(std::span<const int64_t> shape);

/// An array, C order. Copies share the bytes, which live as long as `owner`. A HostArray from a
/// reader of this folder is consistent: bytes.size() == elementCount * elementSize.
struct HostArray {
  HostType type = HostType::float32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;

  int64_t count() const { return static_cast<int64_t>(bytes.size()) / elementSize(type); }
};

/// Elements [first, first + out.size()) of `array` as float32: from every type, rounded to nearest.
/// The range must lie within the array.
void copyAsFloat32(const HostArray &array, int64_t first, std::span<float> out);

/// Elements [first, first + out.size()) as int32: from the whole-number types and booleans. Error
/// dataError, saying which element, if a value does not fit into an int32 or the type is not one of
/// whole numbers. The range must lie within the array.
Status copyAsInt32(const HostArray &array, int64_t first, std::span<int32_t> out);

/// IEEE 754 binary16 and bfloat16 as float32, exactly.
float halfToFloat(uint16_t bits);
float bfloat16ToFloat(uint16_t bits);

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DATA_HOSTARRAY_H
