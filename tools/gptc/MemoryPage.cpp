// The page of gptc memory --html.
#include "tools/gptc/MemoryPage.h"

#include "runtime/execute/Memory.h"
#include "tools/gptc/HtmlText.h"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace gptc::tools {

using runtime::byteText;
using Block = MemoryReport::Block;

namespace {
constexpr double pictureWidth = 1200, pictureHeight = 600, axisWidth = 80, axisHeight = 24;

constexpr const char *style = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #d0d7de; --gradients: #8250df;
  --saved: #0969da; --temporary: #d4880f; --peak: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --faint: #30363d;
  --gradients: #a371f7; --saved: #4493f8; --temporary: #e3a33b; --peak: #ff6a62; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem; }
svg { width: 100%; height: auto; border: 1px solid var(--faint); }
svg text { font-size: 12px; fill: var(--ink); }
rect { stroke: var(--paper); stroke-width: 0.3; }
rect:hover { stroke: var(--ink); stroke-width: 2; }
.gradients { fill: var(--gradients); } .saved { fill: var(--saved); } .temporary { fill: var(--temporary); }
.peak { stroke: var(--peak); stroke-width: 1.5; stroke-dasharray: 5 3; }
.border { stroke: var(--ink); stroke-width: 1; }
.key { display: inline-block; width: 0.9em; height: 0.9em; vertical-align: -0.1em; margin: 0 0.3em 0 1em; }
.key.gradients { background: var(--gradients); } .key.saved { background: var(--saved); }
.key.temporary { background: var(--temporary); }
table { border-collapse: collapse; } th, td { padding: 0.15rem 0.7rem; text-align: left; }
tr { border-bottom: 1px solid var(--faint); } td.number { text-align: right; font-variant-numeric: tabular-nums; }
)";

/// What a block is, in one line.
std::string describe(const Block &block, const MemoryReport::Timeline &timeline) {
  std::string text = fmt::format("{}, {}: {} ({} bytes), commands {} to {}, by {}", block.name,
                                 nameOf(block.category), byteText(block.bytes), block.bytes,
                                 block.first, block.last, timeline.commands[block.first]);
  if (!block.part.empty())
    text += ", " + block.part;
  if (!block.lines.empty())
    text += ", " + block.lines;
  return text;
}

std::string picture(const MemoryReport::Timeline &timeline) {
  double commands = std::max<size_t>(timeline.commands.size(), 1);
  double end = std::max<uint64_t>(timeline.end, 1);
  auto x = [&](double command) { return axisWidth + command / commands * pictureWidth; };
  auto y = [&](double address) { return pictureHeight * (1 - address / end); };
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"buffers by command and address; the "
      "table below says the same\">\n",
      axisWidth + pictureWidth, pictureHeight + axisHeight);
  for (const Block &block : timeline.blocks)
    svg += fmt::format("<rect class=\"{}\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" "
                       "height=\"{:.2f}\"><title>{}</title></rect>\n",
                       nameOf(block.category), x(block.first), y(block.address + block.bytes),
                       x(block.last + 1) - x(block.first),
                       pictureHeight * static_cast<double>(block.bytes) / end,
                       escapeHtml(describe(block, timeline)));
  for (int part = 0; part <= 4; ++part)
    svg += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" text-anchor=\"end\">{}</text>\n",
                       axisWidth - 6, std::max(y(end * part / 4), 12.0),
                       byteText(static_cast<uint64_t>(end) / 4 * part));
  svg += fmt::format("<line class=\"peak\" x1=\"{0:.2f}\" x2=\"{0:.2f}\" y1=\"0\" y2=\"{1}\"/>\n",
                     x(timeline.peak + 0.5), pictureHeight);
  svg += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" text-anchor=\"middle\">peak: command "
                     "{}</text>\n",
                     x(timeline.peak + 0.5), pictureHeight + 16, timeline.peak);
  if (timeline.border > 0)
    svg += fmt::format("<line class=\"border\" x1=\"{}\" x2=\"{}\" y1=\"{:.2f}\" y2=\"{:.2f}\"/>\n",
                       axisWidth, axisWidth + pictureWidth, y(timeline.border), y(timeline.border));
  return svg + "</svg>\n";
}

std::string row(const Block &block, const MemoryReport::Timeline &timeline) {
  return fmt::format("<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td><td>{} to {}</td>"
                     "<td>{}</td><td>{}</td><td>{}</td></tr>\n",
                     escapeHtml(block.name), nameOf(block.category), block.bytes, block.first,
                     block.last, escapeHtml(timeline.commands[block.first]), escapeHtml(block.part),
                     escapeHtml(block.lines));
}
} // namespace

std::string memoryPage(const MemoryReport &report, const std::string &title) {
  const MemoryReport::Timeline &timeline = report.largest;
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>Memory of {0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>Memory of {0}</h1>\n",
      escapeHtml(title), style);
  page += fmt::format(
      "<p>{} ({} bytes) to train, evaluate and draw samples. Below: the entry {}, whose {} of "
      "transient memory are the most.</p>\n",
      byteText(report.total), report.total, escapeHtml(timeline.entry),
      byteText(timeline.end - timeline.border));
  page += "<table>\n<tr><th>when most is in use</th><th>bytes</th></tr>\n";
  for (const MemoryReport::Segment &category : report.categories)
    page += fmt::format("<tr><td>{}</td><td class=\"number\">{}</td></tr>\n", category.name,
                        category.bytes);
  page += "</table>\n<h2>Commands (to the right) and addresses (upwards)</h2>\n<p>";
  for (const char *name : {"saved", "temporary", "gradients"})
    page += fmt::format("<span class=\"key {0}\"></span>{0}", name);
  if (timeline.border > 0)
    page += ". Below the line: the gradients' memory, of use for other buffers until they are "
            "written";
  page += ".</p>\n" + picture(timeline);
  page += fmt::format(
      "<h2>Buffers by size</h2>\n<p>At the peak, command {} ({}), {} are in use.</p>\n",
      timeline.peak, timeline.commands.empty() ? "" : escapeHtml(timeline.commands[timeline.peak]),
      byteText(timeline.peakBytes));
  page += "<table>\n<tr><th>buffer</th><th>for</th><th>bytes</th><th>commands</th>"
          "<th>written by</th><th>part of the model</th><th>description</th></tr>\n";
  std::vector<const Block *> blocks;
  for (const Block &block : timeline.blocks)
    blocks.push_back(&block);
  std::sort(blocks.begin(), blocks.end(), [](const Block *a, const Block *b) {
    return std::tie(b->bytes, a) < std::tie(a->bytes, b);
  });
  for (const Block *block : blocks)
    page += row(*block, timeline);
  return page + "</table>\n</body>\n</html>\n";
}

} // namespace gptc::tools
