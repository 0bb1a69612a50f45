// The checks behind Plan::load, by part of the file. Private to this folder.
//
// The FlatBuffers verifier has been run before: tables, vectors and strings are readable. What is
// checked here is what they say.
#ifndef GPTC_RUNTIME_PLAN_PLANCHECK_H
#define GPTC_RUNTIME_PLAN_PLANCHECK_H

#include "runtime/plan/Plan.h"
#include "runtime/plan/Plan_generated.h"

#include <map>
#include <nlohmann/json.hpp>

namespace gptc::runtime {

struct Plan::Content {
  std::string name;
  std::shared_ptr<const void> owner;
  const fb::Plan *table = nullptr;
  nlohmann::json settings = nlohmann::json::object();
  std::vector<SegmentInfo> segments;
  std::vector<TensorInfo> tensors;
  std::vector<EntryInfo> entries;
  std::map<std::string, size_t, std::less<>> tensorIndex;
  int transientIndex = -1;
};

/// Sizes, strides and byte counts stay below this, so that products of two of them and sums of
/// thousands of products fit into 128 bits, and what passes the checks into 63.
inline constexpr uint64_t planSizeLimit = uint64_t{1} << 48;

/// Fill in and check the content's segments, tensors, kernels and object. Errors: dataError.
Status checkSegments(Plan::Content &content);
Status checkTensors(Plan::Content &content);
Status checkKernels(const Plan::Content &content);
/// Checks the CUDA modules and kernels. Error dataError.
Status checkCuda(const Plan::Content &content);
/// Fills in the entries and checks their commands. After all above.
Status checkEntries(Plan::Content &content);

/// "cuda" or "cuda:…".
bool isCudaTarget(std::string_view target);

/// A name: not empty, at most 4096 bytes, nothing that does not print. `what` is what it names.
Status checkName(std::string_view name, std::string_view what);

/// An ELF file for 64 bits with that hash, unless the hash is 0; `what` is what its bytes are: "the
/// kernels". Error dataError.
Status checkElf(const flatbuffers::Vector<uint8_t> *bytes, uint64_t hash, std::string_view what);

inline std::string_view textOf(const flatbuffers::String *string) {
  return string ? std::string_view(string->data(), string->size()) : std::string_view();
}

/// Whether the elements of a vector (which may be null) lie at multiples of `alignment`: the
/// verifier of FlatBuffers checks that of the vector's length only.
template <typename Vector> bool isAligned(const Vector *vector, size_t alignment) {
  return !vector || vector->size() == 0 ||
         reinterpret_cast<uintptr_t>(vector->Data()) % alignment == 0;
}

/// How many bytes lie behind `place`, or none if it is not within a segment.
inline uint64_t bytesBehind(const Plan::Content &content, const Place &place) {
  if (place.segment >= content.segments.size() ||
      place.offset >= content.segments[place.segment].bytes)
    return 0;
  return content.segments[place.segment].bytes - place.offset;
}

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_PLAN_PLANCHECK_H
