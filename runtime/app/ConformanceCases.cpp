// Conformance files.
#include "runtime/app/ConformanceCases.h"

#include <cstring>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

namespace gptc::runtime {

namespace {

HostType hostType(DataType type) {
  return type == DataType::float32 ? HostType::float32 : HostType::int32;
}

/// "in/ENTRY/TENSOR" or "out/ENTRY/TENSOR".
struct TensorPath {
  bool isOutput = false;
  std::string entry, tensor;

  static Result<TensorPath> parse(const std::string &name) {
    TensorPath path;
    path.isOutput = name.starts_with("out/");
    size_t begin = path.isOutput ? 4 : 3, slash = name.find('/', begin);
    if ((!path.isOutput && !name.starts_with("in/")) || slash == std::string::npos ||
        slash == begin || slash + 1 == name.size())
      return Status(Code::dataError,
                    fmt::format("tensor \"{}\": required are names in/ENTRY/TENSOR and "
                                "out/ENTRY/TENSOR",
                                name));
    path.entry = name.substr(begin, slash - begin);
    path.tensor = name.substr(slash + 1);
    return path;
  }
};

class Loader {
public:
  Loader(const Plan &plan, const SafetensorsFile &file) : plan_(plan), file_(file) {}

  Result<std::vector<ConformanceCase>> load() {
    GPTC_RETURN_IF_ERROR(readTolerances());
    for (const SafetensorsFile::Tensor &tensor : file_.tensors())
      GPTC_RETURN_IF_ERROR(add(tensor).within(fmt::format("\"{}\"", tensor.name)));
    std::vector<ConformanceCase> cases;
    for (auto &[entry, tensors] : cases_) {
      ConformanceCase &added = cases.emplace_back();
      added.entry = entry;
      for (auto &[name, tensor] : tensors)
        added.tensors.push_back(std::move(tensor));
    }
    if (cases.empty())
      return Status(Code::dataError, "it holds no cases");
    return cases;
  }

private:
  Status readTolerances() {
    auto found = file_.metadata().find("tolerances");
    if (found == file_.metadata().end())
      return {Code::dataError, "its metadata has no \"tolerances\": is it a conformance file?"};
    tolerances_ = nlohmann::json::parse(found->second, nullptr, /*allow_exceptions=*/false);
    if (!tolerances_.is_object())
      return {Code::dataError, "\"tolerances\" in its metadata is not a JSON object"};
    return {};
  }

  Status add(const SafetensorsFile::Tensor &found) {
    GPTC_ASSIGN(TensorPath path, TensorPath::parse(found.name));
    if (plan_.findEntry(path.entry) < 0)
      return {Code::failedPrecondition,
              fmt::format("the plan {} has no entry \"{}\"", plan_.name(), path.entry)};
    const TensorInfo *info = plan_.findTensor(path.tensor);
    if (!info)
      return {Code::failedPrecondition,
              fmt::format("the plan {} has no tensor \"{}\"", plan_.name(), path.tensor)};
    const HostArray &array = found.array;
    if (array.type != hostType(info->type) || array.shape != info->shape)
      return {Code::failedPrecondition,
              fmt::format("it is {} of {}; in the plan {} the tensor is {} of {}",
                          shapeText(array.shape), typeName(array.type), plan_.name(),
                          shapeText(info->shape), typeName(hostType(info->type)))};
    ConformanceTensor &tensor = cases_[path.entry][path.tensor];
    tensor.tensor = info;
    std::vector<uint32_t> &words = path.isOutput ? tensor.expected : tensor.before;
    words.resize(static_cast<size_t>(array.count()));
    std::memcpy(words.data(), array.bytes.data(), array.bytes.size());
    if (path.isOutput && info->type == DataType::float32) {
      GPTC_ASSIGN(tensor.tolerance, tolerance(path));
    }
    return {};
  }

  Result<double> tolerance(const TensorPath &path) const {
    auto entry = tolerances_.find(path.entry);
    if (entry != tolerances_.end() && entry->is_object())
      if (auto value = entry->find(path.tensor); value != entry->end() && value->is_number())
        if (double number = value->get<double>(); number >= 0)
          return number;
    return Status(Code::dataError,
                  "its metadata has no tolerance for it that is a number from 0 on");
  }

  const Plan &plan_;
  const SafetensorsFile &file_;
  nlohmann::json tolerances_;
  std::map<std::string, std::map<std::string, ConformanceTensor>> cases_;
};

} // namespace

Result<std::vector<ConformanceCase>> loadConformanceCases(const std::string &path,
                                                          const Plan &plan) {
  GPTC_ASSIGN(SafetensorsFile file, SafetensorsFile::open(path));
  Result<std::vector<ConformanceCase>> cases = Loader(plan, file).load();
  if (!cases.ok())
    return cases.status().within(path);
  return cases;
}

} // namespace gptc::runtime
