// Opening oneDNN's primitives.
#include "runtime/device/DnnlPrimitives.h"

#include "runtime/device/Dnnl.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace gptc::runtime {

namespace {

/// The beginning of dnnl_version_t.
struct Version {
  int major, minor, patch;
};

Result<DnnlPrimitives> open() {
  GPTC_ASSIGN(void *library, openDnnlLibrary());
  DnnlPrimitives table = {};
  const char *missing = nullptr;
  auto find = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    if (!function && !missing)
      missing = name;
  };
  const Version *(*version)() = nullptr;
  find(version, "dnnl_version");
  if (version)
    table.version = fmt::format("{}.{}.{}", version()->major, version()->minor, version()->patch);
  find(table.engineCreate, "dnnl_engine_create");
  find(table.engineDestroy, "dnnl_engine_destroy");
  find(table.streamCreate, "dnnl_stream_create");
  find(table.streamWait, "dnnl_stream_wait");
  find(table.streamDestroy, "dnnl_stream_destroy");
  find(table.memoryDescribe, "dnnl_memory_desc_init_by_tag");
  find(table.describeMatmul, "dnnl_matmul_desc_init");
  find(table.describeForward, "dnnl_inner_product_forward_desc_init");
  find(table.describeBackwardData, "dnnl_inner_product_backward_data_desc_init");
  find(table.describeBackwardWeights, "dnnl_inner_product_backward_weights_desc_init");
  find(table.attributesCreate, "dnnl_primitive_attr_create");
  find(table.attributesDestroy, "dnnl_primitive_attr_destroy");
  find(table.attributesSetPostOps, "dnnl_primitive_attr_set_post_ops");
  find(table.postOpsCreate, "dnnl_post_ops_create");
  find(table.postOpsDestroy, "dnnl_post_ops_destroy");
  find(table.postOpsAppendSum, "dnnl_post_ops_append_sum");
  find(table.choiceCreate, "dnnl_primitive_desc_create");
  find(table.choiceDestroy, "dnnl_primitive_desc_destroy");
  find(table.choiceQuery, "dnnl_primitive_desc_query");
  find(table.primitiveCreate, "dnnl_primitive_create");
  find(table.primitiveDestroy, "dnnl_primitive_destroy");
  find(table.primitiveExecute, "dnnl_primitive_execute");
  find(table.memoryCreate, "dnnl_memory_create");
  find(table.memoryDestroy, "dnnl_memory_destroy");
  find(table.choiceQueryMemory, "dnnl_primitive_desc_query_md");
  find(table.memoryBytes, "dnnl_memory_desc_get_size");
  if (missing)
    return Status(
        Code::unavailable,
        fmt::format("oneDNN 2 is required (the package libdnnl2), found oneDNN {}, which has "
                    "no {}",
                    table.version.empty() ? "of an unknown version" : table.version, missing));
  return table;
}

} // namespace

Result<const DnnlPrimitives *> openDnnlPrimitives() {
  static const Result<DnnlPrimitives> opened = open();
  if (!opened.ok())
    return opened.status();
  return &*opened;
}

} // namespace gptc::runtime
