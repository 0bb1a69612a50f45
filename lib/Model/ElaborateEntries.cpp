// The model as a whole: free sizes, inputs, and the entries of the module.
#include "Elaborator.h"
#include "Walk.h"

#include <fmt/format.h>

namespace gptc::model {

Elaborator::Elaborator(const Library &library, const ast::Module &model, const LoadOptions &options,
                       const Overrides &overrides, bool namesAreSound, mlir::MLIRContext &context,
                       DiagnosticEngine &diagnostics)
    : graph(context), options(options), library_(library), model_(model), overrides_(overrides),
      namesAreSound_(namesAreSound), context_(context), diagnostics_(diagnostics) {}

Diagnostic &Elaborator::error(const Frame &frame, SourceRange range, std::string message) {
  const Frame *at = &frame;
  SourceRange shown = range;
  llvm::StringRef name;
  while (shown.file->kind() == SourceFile::Kind::Prelude && at->caller) {
    shown = at->callRange;
    name = at->name;
    at = at->caller;
  }
  if (shown == range)
    return diagnostics_.error(range, std::move(message));
  // One mistake in a call may show at several places in the prelude.
  if (!preludeErrors_.insert({shown.file, shown.begin}).second)
    return ignored_;
  return diagnostics_.error(shown, fmt::format("{}: {}", name.str(), message))
      .note(range, "in the prelude");
}

mlir::Location Elaborator::locate(const Frame &frame, SourceRange range) {
  auto [line, column] = range.file->lineColumn(range.begin);
  mlir::Location location = mlir::FileLineColLoc::get(&context_, range.file->path(), line, column);
  bool isPrelude = range.file->kind() == SourceFile::Kind::Prelude;
  if (isPrelude && frame.callLocation)
    location = mlir::FusedLoc::get(&context_, {*frame.callLocation, location});
  if (frame.place && frame.place->pathName)
    location = mlir::NameLoc::get(frame.place->pathName, location);
  if (!isPrelude && frame.callLocation)
    location = mlir::CallSiteLoc::get(location, *frame.callLocation);
  return location;
}

Frame Elaborator::rootFrame() {
  Frame frame;
  frame.library = &library_;
  frame.instance = root_;
  frame.place = root_;
  return frame;
}

mlir::OwningOpRef<mlir::ModuleOp> Elaborator::run(ModelInfo &info) {
  context_.loadDialect<gpt::GPTDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect,
                       mlir::math::MathDialect>();
  auto [line, column] = model_.name.range.file->lineColumn(model_.name.range.begin);
  mlir::Location location =
      mlir::FileLineColLoc::get(&context_, model_.name.range.file->path(), line, column);
  moduleOp_ = mlir::ModuleOp::create(location, model_.name.text);

  collectConfig(overrides_);
  root_ = instantiate({&model_, &library_}, "", {}, nullptr, nullptr);
  rootMember_.module = &model_;
  rootMember_.instances = {root_};
  findFreeSizes();

  if (model_.forward && model_.loss) {
    buildEntry("train", true, true);
    buildEntry("evaluate", false, true);
  }
  if (model_.forward)
    buildEntry("logits", false, false);
  if (hasRecovered_ && !diagnostics_.hasErrors())
    diagnostics_.error(model_.name.range, "a fault of the compiler: it gave up on this model and "
                                          "does not say why");
  if (diagnostics_.hasErrors())
    return nullptr;
  declareVariables();
  warnUnused();
  fillInfo(info);
  return std::move(moduleOp_);
}

mlir::Value Elaborator::randomKey() {
  static constexpr llvm::StringLiteral name = "step:random";
  usesRandom_ = true;
  for (llvm::StringMap<mlir::Value> &block : reads_)
    if (mlir::Value value = block.lookup(name))
      return value;
  auto type = mlir::RankedTensorType::get({4}, graph.builder.getI32Type());
  mlir::Value value = gpt::ReadOp::create(graph.builder, graph.location, type, name);
  reads_.back()[name] = value;
  return value;
}

void Elaborator::noteLossTerms(Tensor *terms) {
  mlir::Operation *parent = graph.builder.getInsertionBlock()->getParentOp();
  if (!lossTerms_ && mlir::isa_and_present<mlir::func::FuncOp>(parent))
    lossTerms_ = terms;
}

//===- Entries --------------------------------------------------------------------------------===//

bool Elaborator::buildForward(std::vector<Meaning> &results) {
  Frame frame = rootFrame();
  const ast::Function &forward = *model_.forward;
  Frame scope = rootFrame(); // the sizes of the inputs are bound here
  std::vector<Given> given;
  bool ok = true;
  for (const ast::Input &input : forward.signature.inputs) {
    ok &= declareInput(input, false, scope);
    Tensor *tensor = readInput(input);
    given.push_back({tensor ? Meaning(tensor) : Meaning(), input.range});
  }
  Meaning result =
      callFunction({&forward, &library_}, frame, forward.name.range, given, "forward", root_);
  if (const Meaning::Tuple *values = result.tuple())
    results = *values;
  else
    results = {result};
  return ok && llvm::none_of(results, [](const Meaning &m) { return m.isPoison(); });
}

/// The loss of what forward returns and of more inputs; null when something was reported.
Tensor *Elaborator::buildLoss(llvm::ArrayRef<Meaning> results) {
  const ast::Function &loss = *model_.loss;
  const std::vector<ast::Input> &inputs = loss.signature.inputs;
  Frame frame = rootFrame(), scope = rootFrame();
  scope.name = "loss";
  if (inputs.size() < results.size()) {
    if (namesAreSound_)
      error(frame, loss.signature.inputsRange,
            fmt::format("loss takes what forward returns: required {} input{} or more, found {}",
                        results.size(), results.size() == 1 ? "" : "s", inputs.size()));
    return nullptr;
  }
  std::vector<Given> given;
  bool ok = true;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    if (i < results.size()) {
      given.push_back({results[i], input.range});
      // Binds the sizes that later inputs have.
      ok &= bindInput(input, given.back(), scope, frame);
      continue;
    }
    ok &= declareInput(input, true, scope);
    Tensor *tensor = readInput(input);
    given.push_back({tensor ? Meaning(tensor) : Meaning(), input.range});
  }
  if (!ok)
    return nullptr;
  Meaning result = callFunction({&loss, &library_}, frame, loss.name.range, given, "loss", root_);
  if (result.isPoison())
    return nullptr;
  Tensor *tensor = toTensor(result, frame, loss.body.resultsRange, "the loss");
  if (tensor && !tensor->dims.empty()) {
    error(frame, loss.body.resultsRange, "the loss must be one number")
        .required("[]")
        .found(toString(tensor->dims));
    return nullptr;
  }
  return tensor;
}

/// Erases operations whose results nothing uses, last ones first.
static void eraseDead(mlir::Block &block) {
  for (mlir::Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (mlir::Region &region : op.getRegions())
      for (mlir::Block &inner : region)
        if (!mlir::isa<gpt::MapOp>(op))
          eraseDead(inner);
    if (mlir::isOpTriviallyDead(&op))
      op.erase();
  }
}

/// What an entry returns; false when something was reported.
bool Elaborator::buildOutputs(bool withLoss, std::vector<Output> &outputs) {
  std::vector<Meaning> results;
  if (!buildForward(results))
    return false;
  if (withLoss) {
    Tensor *loss = buildLoss(results);
    outputs.push_back({loss, "loss"});
    if (lossTerms_ && !training)
      outputs.push_back({lossTerms_, "token_losses"});
    return loss != nullptr;
  }
  Frame frame = rootFrame();
  SourceRange range = model_.forward->body.resultsRange;
  for (auto [i, result] : llvm::enumerate(results)) {
    Tensor *tensor = toTensor(result, frame, range, "a result of forward");
    if (!tensor)
      return false;
    outputs.push_back({tensor, i == 0 ? "logits" : fmt::format("logits_{}", i)});
  }
  return true;
}

void Elaborator::buildEntry(llvm::StringRef name, bool isTraining, bool withLoss) {
  training = isTraining;
  callCount_ = 0;
  lossTerms_ = nullptr;
  for (Instance &instance : instances_)
    instance.randomCount = 0;
  mlir::OpBuilder &builder = graph.builder;
  mlir::OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(moduleOp_->getBody());
  mlir::Location location =
      locate(rootFrame(), (withLoss ? model_.loss : model_.forward)->name.range);
  auto function =
      mlir::func::FuncOp::create(builder, location, name, builder.getFunctionType({}, {}));
  mlir::Block *block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  reads_.assign(1, {});
  graph.location = location;

  std::vector<Output> outputs;
  if (!buildOutputs(withLoss, outputs)) {
    hasRecovered_ = true;
    return;
  }
  llvm::SmallVector<mlir::Value> values;
  llvm::SmallVector<mlir::Attribute> attributes;
  graph.location = location;
  for (auto &[tensor, label] : outputs) {
    values.push_back(graph.materialize(tensor));
    attributes.push_back(builder.getDictionaryAttr(
        builder.getNamedAttr("gpt.output", builder.getStringAttr(label))));
  }
  mlir::func::ReturnOp::create(builder, location, values);
  function.setType(builder.getFunctionType({}, mlir::ValueRange(values).getTypes()));
  function.setResAttrsAttr(builder.getArrayAttr(attributes));
  eraseDead(*block);
}

} // namespace gptc::model
