// Loading arrays by name for models that read no token stream.
#include "runtime/data/ArrayBatches.h"
#include "runtime/data/DataFiles.h"
#include "runtime/data/Npz.h"
#include "runtime/data/Safetensors.h"

#include <algorithm>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

bool isArrayFile(const std::string &path) {
  return hasExtension(path, "npz") || hasExtension(path, "safetensors");
}

Status bad(const std::string &path, std::string message) {
  return {Code::dataError, path + ": " + std::move(message)};
}

Result<std::map<std::string, HostArray>> readArrays(const std::string &path) {
  std::map<std::string, HostArray> arrays;
  if (hasExtension(path, "npz")) {
    GPTC_ASSIGN(NpzFile file, NpzFile::open(path));
    for (const std::string &name : file.names()) {
      GPTC_ASSIGN(arrays[name], file.read(name));
    }
  } else {
    GPTC_ASSIGN(SafetensorsFile file, SafetensorsFile::open(path));
    for (const SafetensorsFile::Tensor &tensor : file.tensors())
      arrays[tensor.name] = tensor.array;
  }
  return arrays;
}

/// All examples of a file.
Result<ArraySplit> readSplit(const std::string &path) {
  ArraySplit split;
  split.source = path;
  GPTC_ASSIGN(split.arrays, readArrays(path));
  if (split.arrays.empty())
    return bad(path, "it has no arrays");
  const auto &[firstName, firstArray] = *split.arrays.begin();
  for (const auto &[name, array] : split.arrays) {
    if (array.shape.empty())
      return bad(path, fmt::format("array \"{}\" has no axes; the first axis of each array must "
                                   "count the examples",
                                   name));
    if (array.shape[0] != firstArray.shape[0])
      return bad(path, fmt::format("array \"{}\" has {} examples, array \"{}\" has {}", firstName,
                                   firstArray.shape[0], name, array.shape[0]));
  }
  split.count = firstArray.shape[0];
  if (split.count == 0)
    return bad(path, "its arrays have no examples");
  return split;
}

} // namespace

bool ArrayData::recognises(const std::string &path) {
  Result<DataFiles> found = listDataFiles(path);
  if (!found.ok())
    return isArrayFile(path); // so that the message about a missing file comes from load
  auto any = [&](auto matches) {
    return std::any_of(found->files.begin(), found->files.end(), matches);
  };
  return any(isArrayFile) && !any([](const std::string &file) {
           return hasExtension(file, "npy") || hasExtension(file, "bin");
         });
}

Result<ArrayData> ArrayData::load(const std::string &path) {
  GPTC_ASSIGN(DataFiles found, listDataFiles(path));
  std::vector<std::string> files[3]; // by NamedSplit
  for (const std::string &file : found.files)
    if (isArrayFile(file)) {
      GPTC_ASSIGN(NamedSplit split, splitFromName(file));
      files[static_cast<size_t>(split)].push_back(file);
    }
  for (const std::vector<std::string> &same : files)
    if (same.size() > 1)
      return bad(path, fmt::format("one .npz or .safetensors file for a split is required, found "
                                   "{} and {}",
                                   same[0], same[1]));
  auto &[unnamed, training, validation] = files;
  if (unnamed.empty() && training.empty() && validation.empty())
    return bad(path,
               "arrays by input name (.npz or .safetensors) are required, found no such file");
  if (!unnamed.empty() && !training.empty())
    return bad(path, fmt::format("which split is {} for? {} is the training split", unnamed[0],
                                 training[0]));

  ArrayData data;
  data.training.name = "training";
  data.validation.name = "validation";
  bool alone = training.empty() && validation.empty();
  for (const std::vector<std::string> *source : {&unnamed, &training})
    if (!source->empty()) {
      GPTC_ASSIGN(data.training, readSplit(source->front()));
      data.training.name = "training";
    }
  if (!validation.empty()) {
    GPTC_ASSIGN(data.validation, readSplit(validation.front()));
    data.validation.name = "validation";
  }
  if (alone) {
    data.validation = data.training;
    data.validation.name = "validation";
    data.validation.count = data.training.count / 10;
    data.training.count -= data.validation.count;
    data.validation.first = data.training.count;
  }
  return data;
}

} // namespace gptc::runtime
