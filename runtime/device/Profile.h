// Where the time of a run goes, command by command.
#ifndef GPTC_RUNTIME_DEVICE_PROFILE_H
#define GPTC_RUNTIME_DEVICE_PROFILE_H

#include "runtime/base/Status.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gptc::runtime {

class Profile {
public:
  /// Seconds on a monotonic clock.
  static double now();

  /// One command that ran from `begin` to `end`. `kind` is "launch", "matmul" or "argsort"; `code`
  /// the kernel or the sizes; `part` the part of the model that it works for, or empty.
  void record(std::string_view entry, std::string_view kind, std::string_view code,
              std::string_view part, double begin, double end);

  /// The seconds that each command took, in the order in which they ran; long runs keep their
  /// first.
  std::vector<double> durations() const;

  /// The `rows` groups of commands that took longest in all: share, total and mean time, runs,
  /// names. Commands that differ in a layer's number only ("h.0.mlp" and "h.1.mlp": "h.*.mlp") are
  /// one group.
  std::string table(size_t rows = 30) const;
  /// Events in the trace event format (https://ui.perfetto.dev opens it), written atomically. Long
  /// runs keep their first events.
  Status writeTrace(const std::string &path) const;

private:
  struct Total {
    std::string entry, kind, code, part;
    int64_t runs = 0;
    double seconds = 0;
  };
  struct Event {
    size_t total;
    std::string part;
    double begin, end;
  };

  std::map<std::string, size_t, std::less<>> index_;
  std::vector<Total> totals_;
  std::vector<Event> events_;
};

} // namespace gptc::runtime

#endif // GPTC_RUNTIME_DEVICE_PROFILE_H
