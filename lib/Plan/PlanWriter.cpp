// The plan dialect written as FlatBuffers, by the schema of the runtime.
#include "gptc/Plan/PlanWriter.h"

#include "gptc/Dialect/Plan/Locations.h"
#include "gptc/Dialect/Plan/PlanOps.h"

#include "runtime/base/Hash.h"
#include "runtime/plan/Plan.h"
#include "runtime/plan/Plan_generated.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::plan;
namespace fb = gptc::runtime::fb;

namespace {
class Writer {
public:
  Writer(ModuleOp module, const PlanMetadata &metadata) : module(module), metadata(metadata) {}

  std::vector<char> write() {
    layOutSegments();
    auto tensors = builder.CreateVector(writeTensors());
    auto kernels = builder.CreateVector(writeKernels());
    std::vector<flatbuffers::Offset<fb::Entry>> entryOffsets;
    for (auto entry : module.getOps<EntryOp>())
      entryOffsets.push_back(writeEntry(entry));
    auto entries = builder.CreateVector(entryOffsets);
    std::vector<flatbuffers::Offset<fb::Segment>> segmentOffsets;
    for (auto &[name, bytes] : segments)
      segmentOffsets.push_back(fb::CreateSegment(builder, string(name), bytes));
    auto segmentVector = builder.CreateVector(segmentOffsets);
    std::vector<flatbuffers::Offset<flatbuffers::String>> featureOffsets;
    for (const std::string &feature : metadata.cpuFeatures)
      featureOffsets.push_back(string(feature));
    auto features = builder.CreateVector(featureOffsets);
    builder.ForceVectorAlignment(metadata.object.size(), 1, 64);
    auto object = builder.CreateVector(reinterpret_cast<const uint8_t *>(metadata.object.data()),
                                       metadata.object.size());
    auto compiler = string("gptc " GPTC_VERSION), model = string(metadata.model),
         description = string(metadata.description), settings = string(metadata.settings),
         target = string(metadata.target);
    flatbuffers::Offset<fb::Cuda> cuda = metadata.cuda ? writeCuda(*metadata.cuda) : 0;
    flatbuffers::Offset<fb::MatmulTile> tile = 0;
    if (metadata.matmulTile.rows != 0)
      tile = fb::CreateMatmulTile(builder, metadata.matmulTile.rows, metadata.matmulTile.lanes,
                                  metadata.matmulTile.vectors);
    fb::PlanBuilder plan(builder);
    plan.add_format_version(runtime::planFormatVersion);
    plan.add_compiler_version(compiler);
    plan.add_model(model);
    plan.add_description(description);
    plan.add_settings(settings);
    plan.add_target(target);
    plan.add_cpu_features(features);
    plan.add_segments(segmentVector);
    plan.add_tensors(tensors);
    plan.add_kernels(kernels);
    plan.add_entries(entries);
    plan.add_object(object);
    plan.add_object_hash(runtime::fnv1a64({metadata.object.data(), metadata.object.size()}));
    if (!cuda.IsNull())
      plan.add_cuda(cuda);
    if (!tile.IsNull())
      plan.add_matmul_tile(tile);
    fb::FinishPlanBuffer(builder, plan.Finish());
    const char *data = reinterpret_cast<const char *>(builder.GetBufferPointer());
    return {data, data + builder.GetSize()};
  }

private:
  flatbuffers::Offset<flatbuffers::String> string(StringRef text) {
    return builder.CreateString(text.data(), text.size());
  }

  void layOutSegments() {
    for (auto buffer : module.getOps<BufferOp>()) {
      uint64_t &bytes = segments[buffer.getSegment().str()];
      bytes = std::max<uint64_t>(bytes, *buffer.getOffset() + alignedBytes(buffer));
      buffers[buffer.getSymNameAttr()] = buffer;
    }
    for (auto [index, segment] : llvm::enumerate(segments))
      segmentIndex[segment.first] = index;
    for (auto [index, kernel] : llvm::enumerate(module.getOps<KernelOp>()))
      kernelIndex[kernel.getSymNameAttr()] = index;
  }

  static_assert(int(CudaElement::bfloat16) == int(fb::DataType::bfloat16) &&
                int(CudaElement::float16) == int(fb::DataType::float16));

  static fb::DataType dataType(Type element) {
    if (element.isInteger(32))
      return fb::DataType::int32;
    if (element.isBF16())
      return fb::DataType::bfloat16;
    return element.isF16() ? fb::DataType::float16 : fb::DataType::float32;
  }

  static uint64_t alignedBytes(BufferOp buffer) { return (buffer.getBytes() + 63) / 64 * 64; }

  fb::Address address(ViewAttr view) {
    BufferOp buffer = buffers.lookup(view.getBuffer().getAttr());
    usedSegments.insert(segmentIndex.lookup(buffer.getSegment()));
    return fb::Address(*buffer.getOffset() +
                           view.getOffset() * bytesOfElement(buffer.getElementType()),
                       segmentIndex.lookup(buffer.getSegment()));
  }

  std::vector<flatbuffers::Offset<fb::Tensor>> writeTensors() {
    std::vector<flatbuffers::Offset<fb::Tensor>> offsets;
    for (auto tensor : module.getOps<TensorOp>())
      offsets.push_back(writeTensor(tensor));
    return offsets;
  }

  flatbuffers::Offset<fb::Tensor> writeTensor(TensorOp tensor) {
    DictionaryAttr variable = tensor.getVariable();
    auto type = cast<RankedTensorType>(tensor.getType());
    auto text = [&](Attribute attribute) -> flatbuffers::Offset<flatbuffers::String> {
      if (auto value = dyn_cast_or_null<StringAttr>(attribute))
        return string(value.getValue());
      if (auto value = dyn_cast_or_null<FlatSymbolRefAttr>(attribute))
        return string(value.getValue());
      return 0;
    };
    auto name = string(tensor.getName());
    auto owner = text(variable.get("owner")), derived = text(variable.get("derived"));
    auto shape = builder.CreateVector(type.getShape().data(), type.getRank());
    auto strides = builder.CreateVector(tensor.getStrides().data(), tensor.getStrides().size());
    fb::Address place = address(tensor.getPlace());
    fb::TensorBuilder row(builder);
    row.add_name(name);
    // The schema's enumerators have the dialect's values.
    row.add_kind(
        static_cast<fb::TensorKind>(cast<gpt::VariableKindAttr>(variable.get("kind")).getValue()));
    row.add_type(dataType(type.getElementType()));
    row.add_shape(shape);
    row.add_strides(strides);
    row.add_address(&place);
    row.add_bytes(buffers.lookup(tensor.getPlace().getBuffer().getAttr()).getBytes());
    if (auto init = dyn_cast_or_null<gpt::InitAttr>(variable.get("init"))) {
      row.add_init(
          static_cast<fb::InitKind>(static_cast<int>(init.getKind()) + 1)); // behind InitKind::none
      row.add_init_a(init.getA().convertToDouble());
      row.add_init_b(init.getB().convertToDouble());
    }
    row.add_decay(variable.contains("decay"));
    if (!owner.IsNull())
      row.add_owner(owner);
    if (!derived.IsNull())
      row.add_derived(derived);
    if (auto limit = dyn_cast_or_null<IntegerAttr>(variable.get("limit")))
      row.add_limit(limit.getInt());
    return row.Finish();
  }

  std::vector<flatbuffers::Offset<fb::Kernel>> writeKernels() {
    std::vector<flatbuffers::Offset<fb::Kernel>> offsets;
    for (auto kernel : module.getOps<KernelOp>()) {
      auto symbol = string(kernel.getSymName()), location = string(sourceLines(kernel.getLoc()));
      offsets.push_back(fb::CreateKernel(builder, symbol, location));
    }
    return offsets;
  }

  flatbuffers::Offset<fb::Cuda> writeCuda(const CudaSource &source) {
    std::vector<flatbuffers::Offset<fb::CudaModule>> modules;
    for (auto [number, text] : llvm::enumerate(source.modules)) {
      std::vector<flatbuffers::Offset<fb::CudaImage>> images;
      if (number < metadata.cudaImages.size()) {
        const std::vector<char> &cubin = metadata.cudaImages[number];
        auto architecture = string(metadata.cudaArchitecture);
        auto bytes =
            builder.CreateVector(reinterpret_cast<const uint8_t *>(cubin.data()), cubin.size());
        images.push_back(fb::CreateCudaImage(builder, architecture, bytes,
                                             runtime::fnv1a64({cubin.data(), cubin.size()})));
      }
      auto own = string(text);
      modules.push_back(fb::CreateCudaModule(builder, own, builder.CreateVector(images)));
    }
    std::vector<flatbuffers::Offset<fb::CudaKernel>> kernels;
    for (const CudaKernelSource &kernel : source.kernels)
      kernels.push_back(fb::CreateCudaKernel(
          builder, kernel.module, kernel.geometry.threads, kernel.geometry.itemsPerRow,
          kernel.geometry.itemsPerBlock, kernel.single, kernel.instances));
    std::vector<flatbuffers::Offset<fb::CudaMatmul>> matmuls;
    for (const CudaMatmulSource &matmul : source.matmuls)
      matmuls.push_back(fb::CreateCudaMatmul(
          builder, string(matmul.symbol), matmul.module, matmul.threads, matmul.tileM, matmul.tileN,
          matmul.variant.transposeLhs, matmul.variant.transposeRhs, operandsOf(matmul),
          resultOf(matmul), matmul.variant.tf32));
    std::vector<flatbuffers::Offset<fb::CudaEpilogue>> epilogues;
    for (const CudaEpilogueSource &epilogue : source.epilogues)
      epilogues.push_back(fb::CreateCudaEpilogue(
          builder, string(epilogue.symbol), epilogue.module, epilogue.threads, epilogue.tileM,
          epilogue.tileN, epilogue.variant.transposeLhs, epilogue.variant.transposeRhs,
          epilogue.kernel, operandsOf(epilogue), epilogue.variant.tf32));
    flatbuffers::Offset<fb::CudaArgsort> argsort = 0;
    if (source.argsort)
      argsort = fb::CreateCudaArgsort(builder, string(source.argsort->symbol),
                                      source.argsort->module, source.argsort->threads);
    auto header = string(source.header);
    auto moduleVector = builder.CreateVector(modules);
    auto kernelVector = builder.CreateVector(kernels);
    auto matmulVector = builder.CreateVector(matmuls);
    auto epilogueVector = builder.CreateVector(epilogues);
    return fb::CreateCuda(builder, header, moduleVector, kernelVector, matmulVector, argsort,
                          epilogueVector);
  }

  static fb::DataType operandsOf(const CudaMatmulSource &matmul) {
    return fb::DataType(matmul.variant.operands);
  }
  static fb::DataType resultOf(const CudaMatmulSource &matmul) {
    return fb::DataType(matmul.variant.result);
  }

  flatbuffers::Offset<fb::Instance> writeInstance(int64_t rows, ArrayAttr operands) {
    std::vector<fb::Address> addresses;
    for (Attribute operand : operands)
      addresses.push_back(address(cast<ViewAttr>(operand)));
    return fb::CreateInstance(builder, builder.CreateVectorOfStructs(addresses), rows);
  }

  flatbuffers::Offset<fb::Launch> writeLaunch(LaunchOp launch) {
    std::vector<flatbuffers::Offset<fb::Instance>> instances;
    for (auto [rows, operands] : llvm::zip(launch.getRows(), launch.getInstances()))
      instances.push_back(writeInstance(rows, cast<ArrayAttr>(operands)));
    return fb::CreateLaunch(builder, kernelIndex.lookup(launch.getKernelAttr().getAttr()),
                            launch.getGrain(), builder.CreateVector(instances));
  }

  /// The kernel behind a product; none if it has none.
  flatbuffers::Offset<fb::Launch> writeEpilogue(plan::MatmulOp matmul) {
    if (!matmul.getEpilogue())
      return 0;
    std::vector<flatbuffers::Offset<fb::Instance>> instances = {
        writeInstance(*matmul.getEpilogueRows(), *matmul.getEpilogueOperands())};
    return fb::CreateLaunch(builder, kernelIndex.lookup(matmul.getEpilogueAttr().getAttr()),
                            *matmul.getEpilogueGrain(), builder.CreateVector(instances));
  }

  flatbuffers::Offset<fb::Matmul> writeMatmul(plan::MatmulOp matmul) {
    std::vector<fb::BatchAxis> axes;
    for (Attribute attribute : matmul.getBatch()) {
      auto axis = cast<BatchAxisAttr>(attribute);
      axes.emplace_back(axis.getSize(), axis.getLhsStride(), axis.getRhsStride(),
                        axis.getResultStride());
    }
    auto batch = builder.CreateVectorOfStructs(axes);
    fb::Address lhs = address(matmul.getLhs()), rhs = address(matmul.getRhs()),
                result = address(matmul.getResult());
    flatbuffers::Offset<fb::Launch> epilogue = writeEpilogue(matmul);
    fb::MatmulBuilder row(builder);
    row.add_lhs(&lhs);
    row.add_rhs(&rhs);
    row.add_result(&result);
    row.add_m(matmul.getM());
    row.add_n(matmul.getN());
    row.add_k(matmul.getK());
    row.add_transpose_lhs(matmul.getTransposeLhs());
    row.add_transpose_rhs(matmul.getTransposeRhs());
    row.add_lhs_stride(matmul.getStrides()[0]);
    row.add_rhs_stride(matmul.getStrides()[1]);
    row.add_result_stride(matmul.getStrides()[2]);
    row.add_batch(batch);
    row.add_accumulate(matmul.getAccumulate());
    if (!epilogue.IsNull())
      row.add_epilogue(epilogue);
    row.add_lhs_type(dataType(matmul.getLhsElementType()));
    row.add_rhs_type(dataType(matmul.getRhsElementType()));
    row.add_result_type(dataType(matmul.getResultElementType()));
    row.add_generated(matmul.getGenerated());
    row.add_tf32(matmul.getTf32());
    if (matmul.getLhsElementType().isF32())
      row.add_lhs_factor(dataType(matmul.getLhsFactor()));
    if (matmul.getRhsElementType().isF32())
      row.add_rhs_factor(dataType(matmul.getRhsFactor()));
    return row.Finish();
  }

  flatbuffers::Offset<fb::Command> writeCommand(Operation *op) {
    fb::Operation kind;
    flatbuffers::Offset<void> operation;
    if (auto launch = dyn_cast<LaunchOp>(op)) {
      kind = fb::Operation::Launch;
      operation = writeLaunch(launch).Union();
    } else if (auto matmul = dyn_cast<plan::MatmulOp>(op)) {
      kind = fb::Operation::Matmul;
      operation = writeMatmul(matmul).Union();
    } else {
      auto argsort = cast<plan::ArgsortOp>(op);
      fb::Address indices = address(argsort.getIndices()), order = address(argsort.getOrder());
      kind = fb::Operation::Argsort;
      operation = fb::CreateArgsort(builder, &indices, &order, argsort.getCount()).Union();
    }
    return fb::CreateCommand(builder, kind, operation, string(modelPath(op->getLoc())));
  }

  flatbuffers::Offset<fb::Entry> writeEntry(EntryOp entry) {
    usedSegments.clear();
    std::vector<flatbuffers::Offset<fb::Command>> commands;
    for (Operation &op : entry.getBody().front())
      commands.push_back(writeCommand(&op));
    std::vector<uint32_t> used(usedSegments.begin(), usedSegments.end());
    llvm::sort(used);
    auto transient = entry->getAttrOfType<IntegerAttr>("transient_bytes");
    return fb::CreateEntry(builder, string(entry.getSymName()), builder.CreateVector(used),
                           transient ? transient.getInt() : 0, builder.CreateVector(commands));
  }

  ModuleOp module;
  const PlanMetadata &metadata;
  flatbuffers::FlatBufferBuilder builder;
  llvm::MapVector<std::string, uint64_t, llvm::StringMap<unsigned>> segments;
  llvm::StringMap<uint32_t> segmentIndex;
  DenseMap<StringAttr, BufferOp> buffers;
  DenseMap<StringAttr, uint32_t> kernelIndex;
  llvm::SetVector<uint32_t> usedSegments;
};
} // namespace

std::vector<char> gptc::serializePlan(ModuleOp module, const PlanMetadata &metadata) {
  return Writer(module, metadata).write();
}
