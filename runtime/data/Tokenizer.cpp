// Character and byte tokenizers, and their JSON form: {"type": "char", "characters": "…"} or
// {"type": "bytes"}.
#include "runtime/data/Tokenizer.h"

#include "runtime/base/File.h"
#include "runtime/data/Utf8.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gptc::runtime {

namespace {

constexpr size_t sinkBatch = 4096;

constexpr const char *accepted = "char, bytes, or a file that a tokenizer was saved to";

Status notUtf8(const std::string &source, size_t offset, unsigned char byte) {
  return {Code::dataError, fmt::format("{}: byte {} (0x{:02X}) is not UTF-8; only --tokenizer "
                                       "bytes takes such text",
                                       source, offset, byte)};
}

/// Marks in `seen` every code point of the text.
Status collectCodePoints(const TextSource &text, std::vector<bool> &seen) {
  for (size_t position = 0; position < text.text.size();) {
    char32_t codePoint = decodeUtf8(text.text, position);
    if (codePoint == invalidCodePoint)
      return notUtf8(text.name, position, static_cast<unsigned char>(text.text[position]));
    seen[codePoint] = true;
  }
  return {};
}

} // namespace

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view text,
                                               const std::string &source) const {
  std::vector<int32_t> tokens;
  GPTC_RETURN_IF_ERROR(encode(text, source, [&](std::span<const int32_t> batch) {
    tokens.insert(tokens.end(), batch.begin(), batch.end());
  }));
  return tokens;
}

CharTokenizer::CharTokenizer(std::vector<char32_t> codePoints)
    : codePoints_(std::move(codePoints)) {
  for (size_t id = 0; id < codePoints_.size(); ++id) {
    if (codePoints_[id] >= idOf_.size())
      idOf_.resize(codePoints_[id] + 1, -1);
    idOf_[codePoints_[id]] = static_cast<int32_t>(id);
  }
}

Result<std::shared_ptr<const Tokenizer>> CharTokenizer::create(std::vector<char32_t> codePoints) {
  if (codePoints.empty())
    return Status(Code::dataError, "a character tokenizer needs at least one character");
  std::vector<char32_t> sorted = codePoints;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.back() > 0x10FFFF)
    return Status(Code::dataError, "a character tokenizer's code points end at U+10FFFF");
  auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    return Status(Code::dataError,
                  fmt::format("a character tokenizer has {} twice", codePointName(*twice)));
  return std::shared_ptr<const Tokenizer>(new CharTokenizer(std::move(codePoints)));
}

Status CharTokenizer::encode(std::string_view text, const std::string &source,
                             FunctionRef<void(std::span<const int32_t>)> sink) const {
  std::vector<int32_t> batch;
  batch.reserve(std::min(sinkBatch, text.size()));
  for (size_t position = 0; position < text.size();) {
    size_t begin = position;
    char32_t codePoint = decodeUtf8(text, position);
    if (codePoint == invalidCodePoint)
      return notUtf8(source, begin, static_cast<unsigned char>(text[begin]));
    int32_t id = codePoint < idOf_.size() ? idOf_[codePoint] : -1;
    if (id < 0)
      return {Code::dataError,
              fmt::format("{}: byte {}: the tokenizer has no character {} (its {} characters are "
                          "those of the text it was made from)",
                          source, begin, codePointName(codePoint), codePoints_.size())};
    batch.push_back(id);
    if (batch.size() == sinkBatch) {
      sink(batch);
      batch.clear();
    }
  }
  if (!batch.empty())
    sink(batch);
  return {};
}

std::string CharTokenizer::decode(std::span<const int32_t> tokens) const {
  std::string text;
  for (int32_t token : tokens)
    appendUtf8(text, token >= 0 && static_cast<size_t>(token) < codePoints_.size()
                         ? codePoints_[static_cast<size_t>(token)]
                         : U'\uFFFD');
  return text;
}

std::string CharTokenizer::toJson() const {
  std::string characters;
  for (char32_t codePoint : codePoints_)
    appendUtf8(characters, codePoint);
  return nlohmann::ordered_json{{"type", "char"}, {"characters", characters}}.dump();
}

Status ByteTokenizer::encode(std::string_view text, const std::string &,
                             FunctionRef<void(std::span<const int32_t>)> sink) const {
  std::vector<int32_t> batch;
  while (!text.empty()) {
    std::string_view part = text.substr(0, sinkBatch);
    batch.clear();
    for (char c : part)
      batch.push_back(static_cast<unsigned char>(c));
    sink(batch);
    text.remove_prefix(part.size());
  }
  return {};
}

std::string ByteTokenizer::decode(std::span<const int32_t> tokens) const {
  std::string text;
  for (int32_t token : tokens) {
    if (token >= 0 && token < 256)
      text += static_cast<char>(token);
    else
      appendUtf8(text, U'\uFFFD');
  }
  return text;
}

std::string ByteTokenizer::toJson() const {
  return nlohmann::ordered_json{{"type", "bytes"}}.dump();
}

Result<std::shared_ptr<const Tokenizer>> makeTokenizer(const std::string &spec,
                                                       std::span<const TextSource> texts) {
  if (spec == "bytes")
    return std::shared_ptr<const Tokenizer>(std::make_shared<ByteTokenizer>());
  if (spec == "char") {
    std::vector<bool> seen(0x110000);
    for (const TextSource &text : texts)
      GPTC_RETURN_IF_ERROR(collectCodePoints(text, seen));
    std::vector<char32_t> codePoints;
    for (char32_t codePoint = 0; codePoint < seen.size(); ++codePoint)
      if (seen[codePoint])
        codePoints.push_back(codePoint);
    if (codePoints.empty())
      return Status(Code::invalidArgument,
                    "--tokenizer char: there is no text to take the characters from");
    return CharTokenizer::create(std::move(codePoints));
  }
  auto json = readWholeFile(spec);
  if (!json.ok()) {
    if (json.status().code() == Code::notFound)
      return Status(json.status().code(),
                    fmt::format("--tokenizer {}: accepted are {}", spec, accepted));
    return json.status().within("--tokenizer");
  }
  auto tokenizer = tokenizerFromJson(*json);
  if (!tokenizer.ok())
    return tokenizer.status().within(spec);
  return tokenizer;
}

Result<std::shared_ptr<const Tokenizer>> tokenizerFromJson(std::string_view json) {
  auto refuse = [](std::string message) {
    return Status(Code::dataError, "not a tokenizer: " + std::move(message));
  };
  auto object = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (object.is_discarded() || !object.is_object())
    return refuse("it is not a JSON object");
  auto type = object.find("type");
  if (type == object.end() || !type->is_string())
    return refuse("it has no \"type\"");
  if (*type == "bytes")
    return std::shared_ptr<const Tokenizer>(std::make_shared<ByteTokenizer>());
  if (*type != "char")
    return refuse(fmt::format("its type is {}; \"char\" and \"bytes\" are known", type->dump()));
  auto characters = object.find("characters");
  if (characters == object.end() || !characters->is_string())
    return refuse("it has no \"characters\"");
  const std::string &text = characters->get_ref<const std::string &>();
  std::vector<char32_t> codePoints;
  for (size_t position = 0; position < text.size();) {
    char32_t codePoint = decodeUtf8(text, position);
    if (codePoint == invalidCodePoint)
      return refuse("its characters are not UTF-8");
    codePoints.push_back(codePoint);
  }
  return CharTokenizer::create(std::move(codePoints));
}

} // namespace gptc::runtime
