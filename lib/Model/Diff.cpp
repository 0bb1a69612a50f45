// Unified differences of two texts, for `gptc fmt --check` and `gptc dump --diff`.
//
// Lines are matched by Myers' greedy algorithm (An O(ND) Difference Algorithm and Its Variations,
// 1986), after the common beginning and end have been set aside.
#include "gptc/Model/Format.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace gptc {

namespace {

/// A line, and what of it must be the same for two to match.
struct Line {
  std::string_view text;
  std::string key;
  bool operator==(const Line &other) const { return key == other.key; }
};
using Lines = std::vector<Line>;

/// A step of the edit script: ' ' keeps a line, '-' drops one of `before`, '+' adds one of `after`.
struct Step {
  char sign;
  std::string_view line;
};

/// Lines with their line ends, so that a missing last one is a difference.
Lines split(std::string_view text, const LineKey &key) {
  Lines lines;
  while (!text.empty()) {
    size_t length = std::min(text.size(), text.find('\n') + 1);
    std::string_view line = text.substr(0, length == 0 ? text.size() : length);
    lines.push_back({line, key ? key(line) : std::string(line)});
    text.remove_prefix(line.size());
  }
  return lines;
}

/// Past this many edits the texts have little in common: all of one is replaced by all of the
/// other. It bounds the memory of the search, which is quadratic in the number of edits.
constexpr int maxEdits = 2000;

/// The shortest script from `a` to `b`.
std::vector<Step> editScript(const Lines &a, const Lines &b) {
  int n = a.size(), m = b.size();
  int limit = std::min(n + m, maxEdits);
  std::vector<int> furthest(2 * limit + 3, 0); // by diagonal x - y, shifted by limit + 1
  std::vector<std::vector<int>> history;
  int edits = 0;
  auto at = [&](std::vector<int> &row, int diagonal) -> int & { return row[diagonal + limit + 1]; };
  for (bool done = false; !done && edits <= limit; ++edits) {
    history.push_back(furthest);
    for (int k = -edits; k <= edits && !done; k += 2) {
      bool down = k == -edits || (k != edits && at(furthest, k - 1) < at(furthest, k + 1));
      int x = down ? at(furthest, k + 1) : at(furthest, k - 1) + 1;
      while (x < n && x - k < m && a[x] == b[x - k])
        ++x;
      at(furthest, k) = x;
      done = x >= n && x - k >= m;
    }
    if (done)
      break;
  }
  std::vector<Step> steps;
  if (edits > limit) {
    for (const Line &line : a)
      steps.push_back({'-', line.text});
    for (const Line &line : b)
      steps.push_back({'+', line.text});
    return steps;
  }
  // Back from the end, one edit and the run of kept lines after it at a time.
  int x = n, y = m;
  for (; x > 0 || y > 0; --edits) {
    std::vector<int> &row = history[edits];
    int k = x - y;
    bool down = k == -edits || (k != edits && at(row, k - 1) < at(row, k + 1));
    int fromX = edits == 0 ? 0 : at(row, down ? k + 1 : k - 1);
    int fromY = edits == 0 ? 0 : fromX - (down ? k + 1 : k - 1);
    for (; x > fromX && y > fromY && (edits == 0 || x > fromX + !down || y > fromY + down);
         --x, --y)
      steps.push_back({' ', a[x - 1].text});
    if (edits > 0)
      steps.push_back(down ? Step{'+', b[--y].text} : Step{'-', a[--x].text});
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

} // namespace

std::string unifiedDiff(std::string_view beforeName, std::string_view afterName,
                        std::string_view before, std::string_view after, const LineKey &key) {
  if (before == after)
    return {};
  Lines a = split(before, key), b = split(after, key);
  if (a == b)
    return {};
  size_t head = 0, tail = 0;
  while (head < std::min(a.size(), b.size()) && a[head] == b[head])
    ++head;
  while (tail < std::min(a.size(), b.size()) - head &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail])
    ++tail;
  std::vector<Step> steps =
      editScript(Lines(a.begin() + head, a.end() - tail), Lines(b.begin() + head, b.end() - tail));
  constexpr size_t context = 3;
  size_t leading = std::min(head, context), trailing = std::min(tail, context);
  for (size_t i = 0; i < trailing; ++i)
    steps.push_back({' ', a[a.size() - tail + i].text});
  for (size_t i = 0; i < leading; ++i)
    steps.insert(steps.begin(), {' ', a[head - 1 - i].text});

  std::string out = fmt::format("--- {}\n+++ {}\n", beforeName, afterName);
  size_t lineA = head - leading, lineB = lineA; // lines before the step at hand
  for (size_t i = 0; i < steps.size();) {
    // A hunk: from `context` lines before a change to the last change that no longer gap follows.
    size_t change = i;
    while (change < steps.size() && steps[change].sign == ' ')
      ++change;
    if (change == steps.size())
      break;
    size_t begin = std::max(i, change - std::min(change, context));
    size_t last = change;
    for (size_t k = change; k < steps.size() && k <= last + 2 * context + 1; ++k)
      if (steps[k].sign != ' ')
        last = k;
    size_t end = std::min(steps.size(), last + 1 + context);
    lineA += begin - i, lineB += begin - i;
    size_t countA = 0, countB = 0;
    std::string body;
    for (size_t k = begin; k < end; ++k) {
      countA += steps[k].sign != '+';
      countB += steps[k].sign != '-';
      body += steps[k].sign;
      body += steps[k].line;
      if (!steps[k].line.ends_with('\n'))
        body += "\n\\ No newline at end of file\n";
    }
    auto place = [](size_t line, size_t count) { // an empty side names the line before it
      return count == 1 ? fmt::format("{}", line + 1)
                        : fmt::format("{},{}", count == 0 ? line : line + 1, count);
    };
    out += fmt::format("@@ -{} +{} @@\n", place(lineA, countA), place(lineB, countB)) + body;
    lineA += countA, lineB += countB;
    i = end;
  }
  return out;
}

} // namespace gptc
