// Compiled modules on disk, so that a second start need not compile.
//
// An entry is a file named by the hash of all that decides its content. Files are written beside
// and renamed, so that processes which share a folder see an entry whole or not at all; one whose
// checksum is wrong counts as not there, and is written anew.
#ifndef GPTC_RUNTIME_DEVICE_CUDA_CUBINCACHE_H
#define GPTC_RUNTIME_DEVICE_CUDA_CUBINCACHE_H

#include "runtime/base/Status.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gptc::runtime::cuda {

class CubinCache {
public:
  using Note = std::function<void(std::string_view)>;

  struct Entry {
    std::string cubin;
    std::string log; ///< of the compiler
  };

  /// `folder` is made when something is first stored. `note` (may be empty) takes a warning, once,
  /// if nothing can be stored there.
  CubinCache(std::string folder, Note note);

  /// $GPTC_CACHE_DIR, else $XDG_CACHE_HOME/gptc, else $HOME/.cache/gptc, else a folder among the
  /// temporary files with the user's number in its name. The last lies where everybody can write:
  /// it is used only if it is the user's own.
  static std::string defaultFolder();

  /// The key of what these decide together: 32 hexadecimal digits.
  static std::string key(std::span<const std::string_view> parts);

  const std::string &folder() const { return folder_; }

  // Both may be called on several threads at once.

  /// Nothing if there is no entry, or a damaged one.
  std::optional<Entry> find(const std::string &key) const;
  /// Failures are noted and otherwise ignored.
  void store(const std::string &key, const Entry &entry);
  /// Writes a text that a user should read (a source that does not compile) and gives its path; in
  /// the user's folder for temporary files if the cache's cannot be written. Empty if neither can.
  std::string keepForReading(const std::string &name, std::string_view text) const;

private:
  std::string pathOf(const std::string &key) const { return folder_ + "/" + key + ".cubin"; }
  void warn(const Status &status);

  std::string folder_;
  const bool temporary_; ///< the folder is that among the temporary files
  Note note_;
  std::mutex noteMutex_;
  bool warned_ = false;
  std::atomic<bool> disabled_ = false;
};

} // namespace gptc::runtime::cuda

#endif // GPTC_RUNTIME_DEVICE_CUDA_CUBINCACHE_H
