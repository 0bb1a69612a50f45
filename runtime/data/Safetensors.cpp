// safetensors: reading with full validation of the header.
#include "runtime/data/Safetensors.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <tuple>

namespace gptc::runtime {

namespace {

constexpr uint64_t maximumHeaderBytes = 100'000'000; // the format's own limit

Status malformed(std::string message) {
  return {Code::dataError, "not a valid safetensors file: " + std::move(message)};
}

/// Names are not trusted: what a message shows of them is short and has no control characters.
std::string shownName(std::string_view name) {
  std::string shown;
  for (char c : name.substr(0, 200))
    shown += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
  return shown;
}

/// Parses the header's JSON. The library keeps the last of two equal keys and nests as deep as it
/// is told to; both are refused here, the second before it takes memory.
Result<nlohmann::json> parseHeader(std::string_view text) {
  constexpr int maximumDepth = 3; // { name: { "shape": [ 2 ] } }
  std::string problem;
  std::vector<std::set<std::string>> keys;
  auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json &value) {
    using Event = nlohmann::json::parse_event_t;
    if (depth >= maximumDepth && (event == Event::object_start || event == Event::array_start)) {
      problem = "its header is nested too deep";
      return false;
    }
    if (event == Event::object_start)
      keys.emplace_back();
    else if (event == Event::object_end && !keys.empty())
      keys.pop_back();
    else if (event == Event::key && !keys.empty()) {
      std::string name = value.get<std::string>();
      if (!keys.back().insert(name).second && problem.empty())
        problem = fmt::format("its header has the key \"{}\" twice", shownName(name));
    }
    return problem.empty();
  };
  auto header = nlohmann::json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (!problem.empty())
    return malformed(problem);
  if (header.is_discarded() || !header.is_object())
    return malformed("its header is not a JSON object");
  return header;
}

Result<uint64_t> parseOffset(const nlohmann::json &value) {
  if (!value.is_number_unsigned())
    return malformed("data_offsets must be two whole numbers");
  return value.get<uint64_t>();
}

/// A tensor's description; `offsets` becomes its range behind the header.
Result<HostArray> parseEntry(const nlohmann::json &entry, std::pair<uint64_t, uint64_t> &offsets) {
  if (!entry.is_object())
    return malformed("its description is not an object");
  for (const auto &item : entry.items())
    if (item.key() != "dtype" && item.key() != "shape" && item.key() != "data_offsets")
      return malformed(fmt::format("unknown key \"{}\"", shownName(item.key())));
  auto dtype = entry.find("dtype"), shape = entry.find("shape"), range = entry.find("data_offsets");
  if (dtype == entry.end() || shape == entry.end() || range == entry.end())
    return malformed("its description needs dtype, shape and data_offsets");

  HostArray array;
  if (!dtype->is_string())
    return malformed("dtype must be a string");
  auto type = typeFromSafetensorsCode(dtype->get_ref<const std::string &>());
  if (!type)
    return malformed(fmt::format("dtype \"{}\" is not supported",
                                 shownName(dtype->get_ref<const std::string &>())));
  array.type = *type;
  if (!shape->is_array())
    return malformed("shape must be a list");
  for (const auto &size : *shape) {
    if (!size.is_number_unsigned() || !std::in_range<int64_t>(size.get<uint64_t>()))
      return malformed("a size in the shape is not a whole number below 2^63");
    array.shape.push_back(static_cast<int64_t>(size.get<uint64_t>()));
  }
  if (!range->is_array() || range->size() != 2)
    return malformed("data_offsets must be two whole numbers");
  GPTC_ASSIGN(offsets.first, parseOffset((*range)[0]));
  GPTC_ASSIGN(offsets.second, parseOffset((*range)[1]));

  auto count = elementCount(array.shape, array.type);
  if (!count)
    return malformed("its shape is too large");
  uint64_t bytes = static_cast<uint64_t>(*count * elementSize(array.type));
  if (offsets.second < offsets.first || offsets.second - offsets.first != bytes)
    return malformed(fmt::format("shape {} of {} needs {} bytes, data_offsets are {} to {}",
                                 shapeText(array.shape), typeName(array.type), bytes, offsets.first,
                                 offsets.second));
  return array;
}

Result<SafetensorsMetadata> parseMetadata(const nlohmann::json &value) {
  SafetensorsMetadata metadata;
  if (!value.is_object())
    return malformed("__metadata__ is not an object");
  for (const auto &item : value.items()) {
    if (!item.value().is_string())
      return malformed(
          fmt::format("__metadata__: the value of \"{}\" is not a string", shownName(item.key())));
    metadata[item.key()] = item.value().get<std::string>();
  }
  return metadata;
}

} // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  GPTC_ASSIGN(MappedFile mapped, MappedFile::open(path));
  Result<SafetensorsFile> file = parse(mapped.bytes(), mapped.owner());
  if (!file.ok())
    return file.status().within(path);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::parse(std::span<const std::byte> bytes,
                                               std::shared_ptr<const void> owner) {
  uint64_t headerBytes = 0;
  if (bytes.size() < 8)
    return malformed(fmt::format("{} bytes are too few", bytes.size()));
  std::memcpy(&headerBytes, bytes.data(), 8);
  if (headerBytes > maximumHeaderBytes)
    return malformed(fmt::format("it claims a header of {} bytes; at most {} are allowed",
                                 headerBytes, maximumHeaderBytes));
  if (headerBytes > bytes.size() - 8)
    return malformed(fmt::format("its header should have {} bytes, but {} are left", headerBytes,
                                 bytes.size() - 8));
  std::string_view text(reinterpret_cast<const char *>(bytes.data()) + 8, headerBytes);
  std::span<const std::byte> data = bytes.subspan(8 + headerBytes);
  if (!text.starts_with('{'))
    return malformed("its header does not begin with '{'");
  GPTC_ASSIGN(nlohmann::json header, parseHeader(text));

  SafetensorsFile file;
  std::vector<std::pair<uint64_t, uint64_t>> offsets;
  std::vector<Tensor> tensors;
  for (const auto &item : header.items()) {
    if (item.key() == "__metadata__") {
      GPTC_ASSIGN(file.metadata_, parseMetadata(item.value()));
      continue;
    }
    Result<HostArray> array = parseEntry(item.value(), offsets.emplace_back());
    if (!array.ok())
      return array.status().within(fmt::format("tensor \"{}\"", shownName(item.key())));
    tensors.push_back({item.key(), std::move(*array)});
  }

  // The tensors must cover the data without a gap and without an overlap.
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return std::tie(offsets[a], a) < std::tie(offsets[b], b); });
  uint64_t covered = 0;
  for (size_t i : order) {
    Tensor &tensor = tensors[i];
    auto [begin, end] = offsets[i];
    if (begin != covered)
      return malformed(fmt::format(
          "tensor \"{}\" begins at {} of the data, {} {}", shownName(tensor.name), begin,
          begin < covered ? "within the one before it, which ends at" : "leaving a gap after",
          covered));
    if (end > data.size())
      return malformed(fmt::format("tensor \"{}\" ends at {} of the data, but there are {} bytes "
                                   "(is the file cut short?)",
                                   shownName(tensor.name), end, data.size()));
    covered = end;
    tensor.array.bytes = data.subspan(begin, end - begin);
    tensor.array.owner = owner;
    file.index_.emplace(tensor.name, file.tensors_.size());
    file.tensors_.push_back(std::move(tensor));
  }
  if (covered != data.size())
    return malformed(fmt::format("its tensors end at {} of the data, but there are {} bytes",
                                 covered, data.size()));
  return file;
}

const HostArray *SafetensorsFile::find(std::string_view name) const {
  auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second].array;
}

} // namespace gptc::runtime
