// FNV-1a with 64 bits: the hash that names random streams. Not for untrusted keys.
#ifndef GPTC_RUNTIME_BASE_HASH_H
#define GPTC_RUNTIME_BASE_HASH_H

#include <cstdint>
#include <string_view>

namespace gptc::runtime {

/// FNV-1a (Fowler, Noll, Vo) of the bytes of `text`; pass an earlier result as `hash` to go on from
/// it.
constexpr uint64_t fnv1a64(std::string_view text, uint64_t hash = 0xcbf29ce484222325u) {
  for (char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_BASE_HASH_H
