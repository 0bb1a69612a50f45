// safetensors: writing.
#include "runtime/data/Safetensors.h"

#include "runtime/data/Utf8.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

namespace gptc::runtime {

namespace {

Status refuse(std::string message) { return {Code::invalidArgument, std::move(message)}; }

Status check(std::span<const SafetensorsEntry> entries, const SafetensorsMetadata &metadata) {
  std::set<std::string_view> names;
  for (const SafetensorsEntry &entry : entries) {
    if (findInvalidUtf8(entry.name) != std::string_view::npos)
      return refuse("a tensor's name is not UTF-8");
    if (entry.name == "__metadata__" || !names.insert(entry.name).second)
      return refuse(fmt::format("a safetensors file cannot have a tensor named \"{}\"{}",
                                entry.name, entry.name == "__metadata__" ? "" : " twice"));
    if (!elementCount(entry.shape, entry.type))
      return refuse(fmt::format("tensor \"{}\" has an impossible shape {}", entry.name,
                                shapeText(entry.shape)));
  }
  for (const auto &[key, value] : metadata)
    if (findInvalidUtf8(key) != std::string_view::npos ||
        findInvalidUtf8(value) != std::string_view::npos)
      return refuse("the metadata of a safetensors file must be UTF-8");
  return {};
}

uint64_t byteCount(const SafetensorsEntry &entry) {
  return static_cast<uint64_t>(*elementCount(entry.shape, entry.type) * elementSize(entry.type));
}

} // namespace

Status writeSafetensors(const std::string &path, std::span<const SafetensorsEntry> entries,
                        const SafetensorsMetadata &metadata,
                        FunctionRef<Status(size_t index, FileWriter &writer)> writeTensor) {
  if (Status status = check(entries, metadata); !status.ok())
    return status.within(path);

  // Wide elements first: with a header that ends on a multiple of 8, every tensor is aligned.
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    int64_t sizeA = elementSize(entries[a].type), sizeB = elementSize(entries[b].type);
    return sizeA != sizeB ? sizeA > sizeB : a < b;
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  uint64_t position = 0;
  for (size_t i : order) {
    uint64_t end = position + byteCount(entries[i]);
    header[entries[i].name] = {{"dtype", safetensorsCode(entries[i].type)},
                               {"shape", entries[i].shape},
                               {"data_offsets", {position, end}}};
    position = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  uint64_t length = text.size();

  return writeFileAtomically(path, [&](FileWriter &writer) -> Status {
    GPTC_RETURN_IF_ERROR(writer.write(std::as_bytes(std::span(&length, 1))));
    GPTC_RETURN_IF_ERROR(writer.write(text));
    for (size_t i : order) {
      uint64_t begin = writer.position();
      GPTC_RETURN_IF_ERROR(writeTensor(i, writer));
      uint64_t written = writer.position() - begin;
      if (written != byteCount(entries[i]))
        return {Code::internal, fmt::format("{}: tensor \"{}\": {} bytes written instead of {}",
                                            path, entries[i].name, written, byteCount(entries[i]))};
    }
    return {};
  });
}

} // namespace gptc::runtime
