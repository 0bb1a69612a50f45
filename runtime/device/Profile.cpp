// Profiles: totals by command, and a trace.
#include "runtime/device/Profile.h"

#include "runtime/base/File.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace gptc::runtime {

namespace {

/// Some hundred steps of a large model; a viewer copes with the file.
constexpr size_t maximumEvents = 200'000;

/// "h.11.mlp" as "h.*.mlp".
std::string withoutNumbers(std::string_view part) {
  std::string result;
  while (true) {
    std::string_view name = part.substr(0, part.find('.'));
    bool isNumber = !name.empty() && std::all_of(name.begin(), name.end(),
                                                 [](char c) { return c >= '0' && c <= '9'; });
    result += isNumber ? "*" : name;
    if (name.size() == part.size())
      return result;
    result += '.';
    part.remove_prefix(name.size() + 1);
  }
}

} // namespace

double Profile::now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Profile::record(std::string_view entry, std::string_view kind, std::string_view code,
                     std::string_view part, double begin, double end) {
  std::string group = withoutNumbers(part);
  std::string key = fmt::format("{}\n{}\n{}\n{}", entry, kind, code, group);
  auto [found, isNew] = index_.emplace(std::move(key), totals_.size());
  if (isNew)
    totals_.push_back({std::string(entry), std::string(kind), std::string(code), std::move(group)});
  Total &total = totals_[found->second];
  ++total.runs;
  total.seconds += end - begin;
  if (events_.size() < maximumEvents)
    events_.push_back({found->second, std::string(part), begin, end});
}

std::vector<double> Profile::durations() const {
  std::vector<double> seconds;
  seconds.reserve(events_.size());
  for (const Event &event : events_)
    seconds.push_back(event.end - event.begin);
  return seconds;
}

std::string Profile::table(size_t rows) const {
  std::vector<size_t> order(totals_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    double left = totals_[a].seconds, right = totals_[b].seconds;
    return left != right ? left > right : a < b;
  });
  double all = 0;
  for (const Total &total : totals_)
    all += total.seconds;

  std::string text = fmt::format("{:>6}  {:>10}  {:>10}  {:>7}  {:<17} {}\n", "share", "total ms",
                                 "mean ms", "runs", "entry", "command");
  double shown = 0;
  for (size_t i = 0; i < std::min(rows, order.size()); ++i) {
    const Total &total = totals_[order[i]];
    shown += total.seconds;
    text += fmt::format("{:5.1f}%  {:10.2f}  {:10.4f}  {:7}  {:<17} {} {}  {}\n",
                        100 * total.seconds / all, 1e3 * total.seconds,
                        1e3 * total.seconds / static_cast<double>(total.runs), total.runs,
                        total.entry, total.kind, total.code, total.part);
  }
  if (order.size() > rows)
    text += fmt::format("{:5.1f}%  {:10.2f}  in {} more\n", 100 * (all - shown) / all,
                        1e3 * (all - shown), order.size() - rows);
  return text;
}

Status Profile::writeTrace(const std::string &path) const {
  auto quoted = [](const std::string &text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  double start = events_.empty() ? 0 : events_.front().begin;
  return writeFileAtomically(path, [&](FileWriter &writer) -> Status {
    GPTC_RETURN_IF_ERROR(writer.write("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n"));
    for (size_t i = 0; i < events_.size(); ++i) {
      const Event &event = events_[i];
      const Total &total = totals_[event.total];
      GPTC_RETURN_IF_ERROR(writer.write(fmt::format(
          "{{\"ph\": \"X\", \"pid\": 1, \"tid\": 1, \"ts\": {:.3f}, \"dur\": {:.3f}, \"cat\": {}, "
          "\"name\": {}, "
          "\"args\": {{\"entry\": {}, \"part\": {}}}}}{}\n",
          1e6 * (event.begin - start), 1e6 * (event.end - event.begin), quoted(total.kind),
          quoted(total.code), quoted(total.entry), quoted(event.part),
          i + 1 < events_.size() ? "," : "")));
    }
    return writer.write("]}\n");
  });
}

} // namespace gptc::runtime
