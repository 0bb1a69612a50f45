// Element types of files, and conversions to what the runtime computes with.
#include "runtime/data/HostArray.h"

#include <array>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <limits>

namespace gptc::runtime {

static_assert(std::endian::native == std::endian::little, "files are read as they lie in memory");

namespace {

struct TypeInfo {
  HostType type;
  int size;
  std::string_view name;
  std::string_view npy; ///< empty: numpy has no such type
  std::string_view safetensors;
};

constexpr std::array<TypeInfo, 13> typeTable = {{
    {HostType::boolean, 1, "boolean", "|b1", "BOOL"},
    {HostType::uint8, 1, "uint8", "|u1", "U8"},
    {HostType::int8, 1, "int8", "|i1", "I8"},
    {HostType::uint16, 2, "uint16", "<u2", "U16"},
    {HostType::int16, 2, "int16", "<i2", "I16"},
    {HostType::float16, 2, "float16", "<f2", "F16"},
    {HostType::bfloat16, 2, "bfloat16", "", "BF16"},
    {HostType::uint32, 4, "uint32", "<u4", "U32"},
    {HostType::int32, 4, "int32", "<i4", "I32"},
    {HostType::float32, 4, "float32", "<f4", "F32"},
    {HostType::uint64, 8, "uint64", "<u8", "U64"},
    {HostType::int64, 8, "int64", "<i8", "I64"},
    {HostType::float64, 8, "float64", "<f8", "F64"},
}};

const TypeInfo &info(HostType type) { return typeTable[static_cast<size_t>(type)]; }

template <typename T> T load(const std::byte *data, int64_t index) {
  T value;
  std::memcpy(&value, data + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

/// Calls convert(element) for each element and stores the results.
template <typename T, typename Out, typename Convert>
void convertEach(const HostArray &array, int64_t first, std::span<Out> out, Convert convert) {
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = convert(load<T>(array.bytes.data(), first + static_cast<int64_t>(i)));
}

template <typename T> void toFloats(const HostArray &array, int64_t first, std::span<float> out) {
  convertEach<T>(array, first, out, [](T value) { return static_cast<float>(value); });
}

template <typename T> Status toInts(const HostArray &array, int64_t first, std::span<int32_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value = load<T>(array.bytes.data(), first + static_cast<int64_t>(i));
    if (!std::in_range<int32_t>(value))
      return {Code::dataError, fmt::format("element {} is {}, which does not fit into an int32",
                                           first + static_cast<int64_t>(i), value)};
    out[i] = static_cast<int32_t>(value);
  }
  return {};
}

} // namespace

int64_t elementSize(HostType type) { return info(type).size; }
std::string_view typeName(HostType type) { return info(type).name; }
std::string_view safetensorsCode(HostType type) { return info(type).safetensors; }

std::optional<std::string_view> npyCode(HostType type) {
  if (info(type).npy.empty())
    return std::nullopt;
  return info(type).npy;
}

std::optional<HostType> typeFromNpyCode(std::string_view code) {
  // numpy writes "=" for the machine's order and "|" or any order where there is but one byte.
  bool anyOrder = code.size() == 3 && code[2] == '1';
  for (const TypeInfo &entry : typeTable)
    if (!entry.npy.empty() && code.size() == entry.npy.size() &&
        code.substr(1) == entry.npy.substr(1) &&
        (code[0] == entry.npy[0] || code[0] == '=' ||
         (anyOrder && (code[0] == '<' || code[0] == '>'))))
      return entry.type;
  return std::nullopt;
}

std::optional<HostType> typeFromSafetensorsCode(std::string_view code) {
  for (const TypeInfo &entry : typeTable)
    if (entry.safetensors == code)
      return entry.type;
  return std::nullopt;
}

std::optional<int64_t> elementCount(std::span<const int64_t> shape, HostType type) {
  int64_t limit = std::numeric_limits<int64_t>::max() / elementSize(type);
  int64_t count = 1;
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0)
      return std::nullopt;
    empty |= size == 0;
    // Checked without the zeros too, so that [0, huge, huge] does not slip through.
    if (size > 0 && __builtin_mul_overflow(count, size, &count))
      return std::nullopt;
    if (count > limit)
      return std::nullopt;
  }
  return empty ? 0 : count;
}

std::string shapeText(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void copyAsFloat32(const HostArray &array, int64_t first, std::span<float> out) {
  switch (array.type) {
  case HostType::boolean:
    return convertEach<uint8_t>(array, first, out, [](uint8_t b) { return b ? 1.0f : 0.0f; });
  case HostType::uint8:
    return toFloats<uint8_t>(array, first, out);
  case HostType::int8:
    return toFloats<int8_t>(array, first, out);
  case HostType::uint16:
    return toFloats<uint16_t>(array, first, out);
  case HostType::int16:
    return toFloats<int16_t>(array, first, out);
  case HostType::float16:
    return convertEach<uint16_t>(array, first, out, halfToFloat);
  case HostType::bfloat16:
    return convertEach<uint16_t>(array, first, out, bfloat16ToFloat);
  case HostType::uint32:
    return toFloats<uint32_t>(array, first, out);
  case HostType::int32:
    return toFloats<int32_t>(array, first, out);
  case HostType::float32:
    if (!out.empty())
      std::memcpy(out.data(), array.bytes.data() + first * 4, out.size_bytes());
    return;
  case HostType::uint64:
    return toFloats<uint64_t>(array, first, out);
  case HostType::int64:
    return toFloats<int64_t>(array, first, out);
  case HostType::float64:
    return toFloats<double>(array, first,
                            out); // beyond float32's range: infinite, as IEEE 754 rounds
  }
}

Status copyAsInt32(const HostArray &array, int64_t first, std::span<int32_t> out) {
  switch (array.type) {
  case HostType::boolean:
    convertEach<uint8_t>(array, first, out, [](uint8_t b) { return b ? 1 : 0; });
    return {};
  case HostType::uint8:
    return toInts<uint8_t>(array, first, out);
  case HostType::int8:
    return toInts<int8_t>(array, first, out);
  case HostType::uint16:
    return toInts<uint16_t>(array, first, out);
  case HostType::int16:
    return toInts<int16_t>(array, first, out);
  case HostType::uint32:
    return toInts<uint32_t>(array, first, out);
  case HostType::int32:
    return toInts<int32_t>(array, first, out);
  case HostType::uint64:
    return toInts<uint64_t>(array, first, out);
  case HostType::int64:
    return toInts<int64_t>(array, first, out);
  case HostType::float16:
  case HostType::bfloat16:
  case HostType::float32:
  case HostType::float64:
    break;
  }
  return {Code::dataError,
          fmt::format("whole numbers are required, found {}", typeName(array.type))};
}

float halfToFloat(uint16_t bits) {
  uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  uint32_t exponent = (bits >> 10) & 0x1F;
  uint32_t mantissa = bits & 0x3FFu;
  if (exponent == 0) { // zero or subnormal: mantissa · 2^-24
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  uint32_t widened = exponent == 0x1F ? 0xFFu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | widened << 23 | mantissa << 13);
}

float bfloat16ToFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

} // namespace gptc::runtime
