// Weights and files.
#include "runtime/app/Weights.h"

#include "runtime/execute/StepScalars.h"

#include <fmt/format.h>
#include <set>

namespace gptc::runtime {

namespace {

/// What loss scaling goes on with: of training, as moments are, but never required.
bool isOfScaler(std::string_view name) { return name.starts_with(scalerPrefix); }

bool belongs(const TensorInfo &tensor, TensorSet set) {
  bool trains = tensor.kind == TensorKind::moment || isOfScaler(tensor.name);
  return trains ? set == TensorSet::checkpoint
                : tensor.kind == TensorKind::parameter || tensor.kind == TensorKind::state;
}

std::vector<const TensorInfo *> tensorsOf(const Plan &plan, TensorSet set) {
  std::vector<const TensorInfo *> tensors;
  for (const TensorInfo &tensor : plan.tensors())
    if (belongs(tensor, set))
      tensors.push_back(&tensor);
  return tensors;
}

/// Whether a file's tensor is a moment of one of the plan's parameters ("moment1:h.0.weight"); a
/// plan that does not train does not list them.
bool isMoment(const Plan &plan, const std::string &name) {
  size_t colon = name.find(':');
  if (colon == std::string::npos || !name.starts_with("moment"))
    return false;
  const TensorInfo *owner = plan.findTensor(std::string_view(name).substr(colon + 1));
  return owner && owner->kind == TensorKind::parameter;
}

/// Names for a message: the first few and how many more.
class NameList {
public:
  void add(std::string text) {
    if (++count_ <= shown_)
      text_ += (text_.empty() ? "" : ", ") + std::move(text);
  }
  bool empty() const { return count_ == 0; }
  std::string text() const {
    return count_ > shown_ ? fmt::format("{} and {} more", text_, count_ - shown_) : text_;
  }

private:
  static constexpr size_t shown_ = 8;
  size_t count_ = 0;
  std::string text_;
};

Status checkNames(const Plan &plan, const SafetensorsFile &file, const std::string &path,
                  TensorSet set) {
  NameList missing, shapes, extra;
  std::set<std::string_view> known;
  for (const TensorInfo *tensor : tensorsOf(plan, set)) {
    known.insert(tensor->name);
    const HostArray *array = file.find(tensor->name);
    if (!array && isOfScaler(tensor->name))
      continue;
    if (!array)
      missing.add(tensor->name);
    else if (array->shape != tensor->shape)
      shapes.add(fmt::format("{} is {}, the model's {}", tensor->name, shapeText(array->shape),
                             shapeText(tensor->shape)));
  }
  for (const SafetensorsFile::Tensor &tensor : file.tensors())
    if (!known.contains(tensor.name) && !isOfScaler(tensor.name) &&
        !(set == TensorSet::weights && isMoment(plan, tensor.name)))
      extra.add(tensor.name);
  if (missing.empty() && shapes.empty() && extra.empty())
    return {};
  std::string message = fmt::format("{}: the tensors are not those of {}", path, plan.model());
  if (!missing.empty())
    message += "; missing: " + missing.text();
  if (!shapes.empty())
    message += "; wrong shape: " + shapes.text();
  if (!extra.empty())
    message += "; not in the model: " + extra.text();
  return {Code::dataError, std::move(message)};
}

} // namespace

Status loadTensors(Session &session, const SafetensorsFile &file, const std::string &path,
                   TensorSet set) {
  GPTC_RETURN_IF_ERROR(checkNames(session.plan(), file, path, set));
  std::vector<float> values;
  for (const TensorInfo *tensor : tensorsOf(session.plan(), set)) {
    const HostArray *array = file.find(tensor->name);
    if (!array)
      continue;
    values.resize(static_cast<size_t>(tensor->count()));
    copyAsFloat32(*array, 0, values);
    GPTC_RETURN_IF_ERROR(session.write(*tensor, std::span<const float>(values)));
  }
  return {};
}

Status saveTensors(const Session &session, const std::string &path, TensorSet set,
                   const SafetensorsMetadata &metadata) {
  std::vector<const TensorInfo *> tensors = tensorsOf(session.plan(), set);
  std::vector<SafetensorsEntry> entries;
  for (const TensorInfo *tensor : tensors)
    entries.push_back({tensor->name, HostType::float32, tensor->shape});
  return writeSafetensors(path, entries, metadata, [&](size_t index, FileWriter &writer) {
    return session.readRows(*tensors[index],
                            [&](std::span<const std::byte> row) { return writer.write(row); });
  });
}

} // namespace gptc::runtime
