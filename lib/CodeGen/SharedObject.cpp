// lld reads and writes files alone, so it gets a folder that nobody else can look into.
#include "SharedObject.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>

LLD_HAS_DRIVER(elf)

namespace {
/// A folder for this user alone, removed with all that is in it.
class PrivateFolder {
public:
  ~PrivateFolder() {
    if (!path.empty())
      llvm::sys::fs::remove_directories(path);
  }

  llvm::Error create() {
    llvm::SmallString<128> folder;
    if (std::error_code error = llvm::sys::fs::createUniqueDirectory("gptc", folder))
      return llvm::createStringError(error, "cannot make a temporary folder");
    path = folder.str();
    if (std::error_code error = llvm::sys::fs::setPermissions(path, llvm::sys::fs::owner_all))
      return llvm::createStringError(error, "cannot protect " + path);
    return llvm::Error::success();
  }

  std::string file(llvm::StringRef name) const {
    llvm::SmallString<128> full(path);
    llvm::sys::path::append(full, name);
    return std::string(full);
  }

private:
  llvm::SmallString<128> path;
};
} // namespace

llvm::Expected<std::vector<char>> gptc::codegen::linkSharedObject(llvm::ArrayRef<char> object) {
  PrivateFolder folder;
  if (llvm::Error error = folder.create())
    return error;
  std::string input = folder.file("kernels.o"), output = folder.file("kernels.so");
  std::error_code code;
  llvm::raw_fd_ostream file(input, code);
  if (!code) {
    file.write(object.data(), object.size());
    file.close();
    code = file.error();
    file.clear_error();
  }
  if (code)
    return llvm::createStringError(code, "cannot write " + input);

  std::string messages;
  llvm::raw_string_ostream stream(messages);
  const char *arguments[] = {
      "ld.lld",      "-shared",          "-o",          output.c_str(), input.c_str(),
      "--threads=1", "--hash-style=gnu", "--strip-all", "-z",           "now"};
  lld::Result result =
      lld::lldMain(arguments, llvm::nulls(), stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return llvm::createStringError("cannot link kernels: " + llvm::StringRef(messages).trim());
  auto linked =
      llvm::MemoryBuffer::getFile(output, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!linked)
    return llvm::createStringError(linked.getError(), "cannot read " + output);
  return std::vector<char>((*linked)->getBufferStart(), (*linked)->getBufferEnd());
}
