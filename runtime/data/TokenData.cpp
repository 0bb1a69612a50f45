// Loading what --data names: text through a tokenizer, or shards of tokens.
#include "runtime/data/TokenData.h"

#include "runtime/base/File.h"
#include "runtime/data/DataFiles.h"
#include "runtime/data/Npy.h"

#include <algorithm>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

constexpr int64_t binHeaderBytes = 256 * 4;
constexpr uint32_t binMagic = 20240520, binVersion = 1;

bool isShard(const std::string &path) {
  return hasExtension(path, "npy") || hasExtension(path, "bin");
}

Status bad(const std::string &path, std::string message) {
  return {Code::dataError, path + ": " + std::move(message)};
}

Result<TokenShard> openNpyShard(const std::string &path) {
  GPTC_ASSIGN(MappedFile file, MappedFile::open(path));
  Result<HostArray> array = parseNpy(file.bytes(), file.owner());
  if (!array.ok())
    return array.status().within(path);
  if (array->type != HostType::uint16 || array->shape.size() != 1)
    return bad(path, fmt::format("tokens must be uint16 with one axis, found {} {}",
                                 typeName(array->type), shapeText(array->shape)));
  TokenShard shard;
  shard.data = array->bytes.data();
  shard.count = array->shape[0];
  shard.fileOffset = array->bytes.data() - file.bytes().data();
  shard.owner = array->owner;
  return shard;
}

Result<TokenShard> openBinShard(const std::string &path) {
  GPTC_ASSIGN(MappedFile file, MappedFile::open(path));
  int64_t size = static_cast<int64_t>(file.bytes().size());
  uint32_t header[3] = {};
  std::span<const std::byte> front =
      file.bytes().first(std::min(sizeof header, file.bytes().size()));
  std::copy(front.begin(), front.end(), reinterpret_cast<std::byte *>(header));

  TokenShard shard;
  if (size >= 4 && header[0] == binMagic) {
    if (size < binHeaderBytes)
      return bad(path, fmt::format("its header should have {} bytes, but the file has {}",
                                   binHeaderBytes, size));
    if (header[1] != binVersion)
      return bad(path,
                 fmt::format("shard version {} is required, found {}", binVersion, header[1]));
    shard.count = header[2];
    if (size != binHeaderBytes + 2 * shard.count)
      return bad(path, fmt::format("its header says {} tokens, which need {} bytes in all; the "
                                   "file has {}",
                                   shard.count, binHeaderBytes + 2 * shard.count, size));
    shard.fileOffset = binHeaderBytes;
  } else {
    if (size % 2 != 0)
      return bad(path, fmt::format("it has neither the header of a shard (first word {}, found "
                                   "{}) nor whole uint16 tokens: {} bytes is an odd size",
                                   binMagic, header[0], size));
    shard.count = size / 2;
    shard.fileOffset = 0;
  }
  shard.data = file.bytes().data() + shard.fileOffset;
  shard.owner = file.owner();
  return shard;
}

Result<TokenShard> openShard(const std::string &path) {
  Result<TokenShard> shard = hasExtension(path, "npy") ? openNpyShard(path) : openBinShard(path);
  if (!shard.ok())
    return shard;
  if (shard->count == 0)
    return bad(path, "it has no tokens");
  shard->source = path;
  return shard;
}

/// Cuts shards where the last 10 % of all tokens begin.
void splitLastTenth(std::vector<TokenShard> shards, std::vector<TokenShard> &training,
                    std::vector<TokenShard> &validation) {
  int64_t total = 0;
  for (const TokenShard &shard : shards)
    total += shard.count;
  // total · 9 / 10 without overflow.
  int64_t left = total / 10 * 9 + total % 10 * 9 / 10;
  for (TokenShard &shard : shards) {
    int64_t head = std::min(left, shard.count);
    left -= head;
    if (head > 0) {
      training.push_back(shard);
      training.back().count = head;
    }
    if (head < shard.count) {
      shard.data += head * shard.bytesPerToken;
      shard.first += head;
      shard.fileOffset += shard.fileOffset >= 0 ? head * shard.bytesPerToken : 0;
      shard.count -= head;
      validation.push_back(std::move(shard));
    }
  }
}

/// The tokens of all texts in one piece of memory, `Token` wide.
template <typename Token>
Result<TokenShard> encodeAll(const Tokenizer &tokenizer, std::span<const TextSource> texts) {
  auto tokens = std::make_shared<std::vector<Token>>();
  for (const TextSource &text : texts)
    GPTC_RETURN_IF_ERROR(
        tokenizer.encode(text.text, text.name, [&](std::span<const int32_t> batch) {
          for (int32_t token : batch)
            tokens->push_back(static_cast<Token>(token));
        }));
  TokenShard shard;
  shard.data = reinterpret_cast<const std::byte *>(tokens->data());
  shard.count = static_cast<int64_t>(tokens->size());
  shard.bytesPerToken = sizeof(Token);
  shard.owner = std::move(tokens);
  return shard;
}

} // namespace

Result<TokenData> TokenData::load(const std::string &path, const std::string &tokenizerSpec,
                                  std::shared_ptr<const Tokenizer> tokenizer) {
  GPTC_ASSIGN(DataFiles found, listDataFiles(path));
  if (found.files.empty())
    return bad(path, "the directory has no files");
  TokenData data;
  data.tokenizer_ = std::move(tokenizer);
  if (found.skipped > 0)
    data.notes_.push_back(fmt::format("{}: left out {} entries that are neither files nor folders",
                                      path, found.skipped));
  std::vector<std::string> shards;
  std::copy_if(found.files.begin(), found.files.end(), std::back_inserter(shards), isShard);
  if (shards.empty()) {
    for (const std::string &file : found.files)
      if (hasExtension(file, "npz") || hasExtension(file, "safetensors"))
        return bad(file, "it holds arrays; this model reads tokens (text, .npy or .bin)");
    GPTC_RETURN_IF_ERROR(data.loadText(path, found.files, tokenizerSpec));
    return data;
  }
  if (size_t others = found.files.size() - shards.size())
    data.notes_.push_back(
        fmt::format("{}: left out {} files that are neither .npy nor .bin", path, others));
  GPTC_RETURN_IF_ERROR(data.loadShards(shards, tokenizerSpec));
  return data;
}

Status TokenData::loadText(const std::string &path, const std::vector<std::string> &files,
                           const std::string &tokenizerSpec) {
  std::vector<std::string> contents;
  std::vector<TextSource> texts;
  contents.reserve(files.size()); // the views below must stay valid
  uint64_t bytes = 0;
  size_t empty = 0;
  for (const std::string &file : files) {
    GPTC_ASSIGN(std::string content, readWholeFile(file));
    bytes += content.size();
    empty += content.empty();
    texts.push_back({file, contents.emplace_back(std::move(content))});
  }
  if (bytes == 0)
    return bad(path, files.size() == 1 ? "the file is empty"
                                       : fmt::format("all {} files are empty", files.size()));
  if (empty > 0)
    notes_.push_back(fmt::format("{}: {} of {} files are empty", path, empty, files.size()));
  if (!tokenizer_) {
    GPTC_ASSIGN(tokenizer_, makeTokenizer(tokenizerSpec.empty() ? "char" : tokenizerSpec, texts));
  }
  bool narrow = tokenizer_->vocabSize() <= 0x10000;
  GPTC_ASSIGN(TokenShard shard, narrow ? encodeAll<uint16_t>(*tokenizer_, texts)
                                       : encodeAll<int32_t>(*tokenizer_, texts));
  shard.source = path;
  std::vector<TokenShard> training, validation;
  splitLastTenth({shard}, training, validation);
  training_ = TokenStream("training", std::move(training));
  validation_ = TokenStream("validation", std::move(validation));
  noteSizes(fmt::format("{}: {} text file{}, {} bytes, tokenizer {} with {} ids", path,
                        files.size(), files.size() == 1 ? "" : "s", bytes, tokenizer_->name(),
                        tokenizer_->vocabSize()));
  return {};
}

Status TokenData::loadShards(const std::vector<std::string> &files,
                             const std::string &tokenizerSpec) {
  if (!tokenizer_ && !tokenizerSpec.empty()) {
    GPTC_ASSIGN(tokenizer_, makeTokenizer(tokenizerSpec, {}));
  }
  std::vector<TokenShard> unnamed, training, validation;
  for (const std::string &file : files) {
    GPTC_ASSIGN(NamedSplit split, splitFromName(file));
    GPTC_ASSIGN(TokenShard shard, openShard(file));
    (split == NamedSplit::training     ? training
     : split == NamedSplit::validation ? validation
                                       : unnamed)
        .push_back(std::move(shard));
  }
  if (training.empty() && validation.empty()) {
    splitLastTenth(std::move(unnamed), training, validation);
  } else if (!unnamed.empty()) {
    notes_.push_back(fmt::format("{} shards with neither \"train\" nor \"val\" in their names are "
                                 "for training, {} the first",
                                 unnamed.size(), unnamed.front().source));
    training.insert(training.end(), unnamed.begin(), unnamed.end());
    std::sort(training.begin(), training.end(),
              [](const TokenShard &a, const TokenShard &b) { return a.source < b.source; });
  }
  training_ = TokenStream("training", std::move(training));
  validation_ = TokenStream("validation", std::move(validation));
  noteSizes(fmt::format("{} token shard{}", files.size(), files.size() == 1 ? "" : "s"));
  return {};
}

void TokenData::noteSizes(const std::string &what) {
  notes_.push_back(fmt::format("{}: {} tokens for training, {} for validation", what,
                               training_.size(), validation_.size()));
}

Status TokenData::setVocabulary(int64_t vocabSize) {
  GPTC_RETURN_IF_ERROR(training_.setVocabulary(vocabSize));
  return validation_.setVocabulary(vocabSize);
}

} // namespace gptc::runtime
