// Reading locations.
#include "gptc/Dialect/Plan/Locations.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

std::string gptc::plan::sourceLines(Location location) {
  llvm::SetVector<std::pair<StringRef, unsigned>> lines;
  location->walk([&](Location part) {
    if (auto line = dyn_cast<FileLineColLoc>(part))
      lines.insert({line.getFilename().getValue(), line.getLine()});
    return WalkResult::advance();
  });
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(lines, os, [&](auto &line) { os << line.first << ":" << line.second; });
  return text;
}

std::string gptc::plan::modelPath(Location location) {
  std::string path;
  location->walk([&](Location part) {
    auto named = dyn_cast<NameLoc>(part);
    if (!named)
      return WalkResult::advance();
    path = named.getName().getValue().str();
    return WalkResult::interrupt();
  });
  return path;
}
