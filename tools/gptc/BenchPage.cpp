// The page of gptc bench --html.
#include "tools/gptc/BenchPage.h"

#include "runtime/execute/Memory.h"
#include "tools/gptc/Figures.h"
#include "tools/gptc/HtmlText.h"

#include <algorithm>
#include <fmt/format.h>

namespace gptc::tools {

using runtime::byteText;
using Group = FusionReport::Group;

namespace {
constexpr double width = 1100, labelWidth = 330, rowHeight = 26, barHeight = 18;
constexpr size_t mostGroups = 25; ///< in the chart; the table has all

constexpr const char *style = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #d0d7de; --fused: #0969da;
  --unfused: #d4880f; --memory: #8250df; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --faint: #30363d;
  --fused: #4493f8; --unfused: #e3a33b; --memory: #a371f7; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem;
  max-width: 80rem; }
svg { width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--ink); }
rect:hover { stroke: var(--ink); stroke-width: 2; }
.fused { fill: var(--fused); } .unfused { fill: var(--unfused); } .memory { fill: var(--memory); }
.axis { stroke: var(--faint); stroke-width: 1; }
.key { display: inline-block; width: 0.9em; height: 0.9em; vertical-align: -0.1em; margin: 0 0.3em 0 1em; }
.key.fused { background: var(--fused); } .key.unfused { background: var(--unfused); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; } th, td { padding: 0.15rem 0.7rem; text-align: left; }
tr { border-bottom: 1px solid var(--faint); }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
)";

std::string number(const std::string &text) {
  return fmt::format("<td class=\"number\">{}</td>", text);
}

/// The end of a long text is what tells names apart.
std::string shorten(const std::string &text, size_t most) {
  return text.size() <= most ? text : "… " + text.substr(text.size() - most + 2);
}

/// A chart of horizontal bars, row by row.
class Bars {
public:
  Bars(double largest, const std::string &label)
      : largest(std::max(largest, 1e-12)), label(label) {}

  void addLabel(const std::string &text) {
    body += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                        labelWidth - 8, y + barHeight * 0.75, escapeHtml(shorten(text, 42)));
  }
  void addBar(const char *kind, double value, const std::string &text, const std::string &title) {
    double length = scale(value);
    body += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{:.1f}\" width=\"{:.2f}\" "
                        "height=\"{}\"><title>{}</title></rect>\n",
                        kind, labelWidth, y, std::max(length, 0.5), barHeight, escapeHtml(title));
    body += fmt::format("<text x=\"{:.2f}\" y=\"{:.1f}\">{}</text>\n", labelWidth + length + 6,
                        y + barHeight * 0.75, escapeHtml(text));
  }
  void nextRow(double gap = rowHeight) { y += gap; }

  std::string svg() const {
    return fmt::format(
        "<svg viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"{}\">\n"
        "<line class=\"axis\" x1=\"{}\" x2=\"{}\" y1=\"0\" y2=\"{:.0f}\"/>\n{}</svg>\n",
        width, y, escapeHtml(label), labelWidth, labelWidth, y, body);
  }

private:
  /// Room for the text behind the longest bar.
  double scale(double value) const { return value / largest * (width - labelWidth - 200); }

  double largest, y = 4;
  std::string label, body;
};

std::string nameOf(const Group &group) {
  std::string name = fmt::format("{}", fmt::join(group.parts, ", "));
  if (!name.empty())
    return name;
  return group.functions.empty() ? "launches that fusing leaves out"
                                 : fmt::format("{}", fmt::join(group.functions, " + "));
}

std::string ladderChart(const BenchmarkReport &report) {
  double longest = 0, largest = 0;
  for (const Rung &rung : report.ladder) {
    longest = std::max(longest, rung.milliseconds);
    largest = std::max(largest, static_cast<double>(rung.peakMemory));
  }
  Bars times(longest, "milliseconds of a step, rung by rung; the table below says the same");
  Bars memory(largest, "peak memory, rung by rung; the table below says the same");
  for (const Rung &rung : report.ladder) {
    if (!rung.skipped.empty())
      continue;
    times.addLabel(rung.name);
    times.addBar("fused", rung.milliseconds, millisecondText(rung.milliseconds) + " ms",
                 fmt::format("{}: {}, {} ms a step", rung.name, rung.adds,
                             millisecondText(rung.milliseconds)));
    times.nextRow();
    memory.addLabel(rung.name);
    memory.addBar("memory", static_cast<double>(rung.peakMemory), byteText(rung.peakMemory),
                  fmt::format("{}: {} bytes", rung.name, rung.peakMemory));
    memory.nextRow();
  }
  return "<h3>Milliseconds a step</h3>\n" + times.svg() + "<h3>Peak memory</h3>\n" + memory.svg();
}

std::string ladderTable(const BenchmarkReport &report) {
  std::string text = fmt::format(
      "<div class=\"scroll\"><table>\n<tr><th>rung</th><th>adds</th><th>ms a step</th><th>{}/s</th>"
      "<th>faster than the rung before</th><th>launches</th><th>bytes moved</th><th>FLOPs</th>"
      "<th>peak memory</th></tr>\n",
      report.unit);
  for (size_t i = 0; i < report.ladder.size(); ++i) {
    const Rung &rung = report.ladder[i];
    text += fmt::format("<tr><td>{}</td><td>{}</td>", escapeHtml(rung.name), escapeHtml(rung.adds));
    if (!rung.skipped.empty()) {
      text += fmt::format("<td colspan=\"7\">skipped: {}</td></tr>\n", escapeHtml(rung.skipped));
      continue;
    }
    text +=
        number(millisecondText(rung.milliseconds)) +
        number(fmt::format("{:.0f}", rung.unitsPerSecond)) +
        number(i == 0 ? ""
                      : fmt::format("{:.3f} ({:.3f} to {:.3f})", rung.ratio, rung.low, rung.high)) +
        number(std::to_string(rung.launches)) + number(byteText(rung.cost.bytes())) +
        number(countText(rung.cost.flops)) + number(byteText(rung.peakMemory)) + "</tr>\n";
  }
  return text + "</table></div>\n";
}

std::string kernelChart(const FusionReport &fusion) {
  double longest = 0;
  for (const Group &group : fusion.groups)
    longest = std::max({longest, group.fused.milliseconds, group.unfused.milliseconds});
  Bars bars(longest,
            "milliseconds of each group of kernels, fused and unfused; the table below says "
            "the same");
  for (size_t i = 0; i < std::min(mostGroups, fusion.groups.size()); ++i) {
    const Group &group = fusion.groups[i];
    auto bar = [&](const char *kind, const FusionReport::Side &side) {
      bars.addBar(kind, side.milliseconds, millisecondText(side.milliseconds) + " ms",
                  fmt::format("{}, {}: {} launches, {} moved, {} ms", nameOf(group), kind,
                              side.launches, byteText(side.cost.bytes()),
                              millisecondText(side.milliseconds)));
    };
    bars.addLabel(nameOf(group));
    bar("unfused", group.unfused);
    bars.nextRow(barHeight + 1);
    bar("fused", group.fused);
    bars.nextRow();
  }
  return bars.svg();
}

std::string sideCells(const FusionReport::Side &side) {
  return number(std::to_string(side.launches)) + number(byteText(side.cost.bytes())) +
         number(millisecondText(side.milliseconds));
}

std::string kernelTable(const FusionReport &fusion) {
  std::string text =
      "<div class=\"scroll\"><table>\n<tr><th>kernels</th><th>for</th><th>operations</th>"
      "<th>launches</th><th>bytes</th><th>ms</th><th>unfused launches</th><th>bytes</th><th>ms</th>"
      "<th>ratio</th></tr>\n";
  auto ratio = [](const FusionReport::Side &fused, const FusionReport::Side &unfused) {
    return fused.milliseconds > 0 ? fmt::format("{:.2f}", unfused.milliseconds / fused.milliseconds)
                                  : std::string();
  };
  for (const Group &group : fusion.groups)
    text += fmt::format("<tr><td>{}</td><td>{}</td>",
                        escapeHtml(fmt::format("{}", fmt::join(group.functions, " + "))),
                        escapeHtml(fmt::format("{}", fmt::join(group.parts, ", ")))) +
            number(std::to_string(group.operations)) + sideCells(group.fused) +
            sideCells(group.unfused) + number(ratio(group.fused, group.unfused)) + "</tr>\n";
  text += "<tr><td>all commands</td><td></td><td></td>" + sideCells(fusion.fused) +
          sideCells(fusion.unfused) + number(ratio(fusion.fused, fusion.unfused)) + "</tr>\n";
  return text + "</table></div>\n";
}
} // namespace

std::string benchPage(const BenchmarkReport &report) {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>Steps of {0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>Steps of {0}</h1>\n"
      "<p>{2}</p>\n",
      escapeHtml(report.model), style, escapeHtml(report.configuration));
  if (report.roof.known())
    page += fmt::format("<p>{}: {:.1f} GB/s, {:.0f} GFLOP/s ({}).</p>\n",
                        escapeHtml(report.roof.machine), report.roof.bytesPerSecond / 1e9,
                        report.roof.flopsPerSecond / 1e9, escapeHtml(report.roof.origin));
  if (!report.ladder.empty())
    page += "<h2>The ladder</h2>\n<p>Each rung adds to the one before. Ratios are of medians of "
            "steps that took turns, with a 90 % interval.</p>\n" +
            ladderChart(report) + ladderTable(report);
  if (report.fusion) {
    const FusionReport &fusion = *report.fusion;
    page += fmt::format("<h2>Fused against unfused</h2>\n<p>A step takes {} ms, and {} ms with a "
                        "kernel for each operation: {:.3f} times as long ({:.3f} to {:.3f}).</p>\n",
                        millisecondText(fusion.step.base), millisecondText(fusion.step.other),
                        fusion.step.ratio, fusion.step.low, fusion.step.high);
    page += "<p><span class=\"key unfused\"></span>a kernel for each operation<span class=\"key "
            "fused\"></span>as compiled</p>\n" +
            kernelChart(fusion) + kernelTable(fusion);
  }
  return page + "</body>\n</html>\n";
}

} // namespace gptc::tools
