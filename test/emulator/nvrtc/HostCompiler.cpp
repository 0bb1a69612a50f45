// The host's compiler behind the NVRTC stand-in, and the cache of what it has compiled.
#include "test/emulator/nvrtc/HostCompiler.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string_view>

extern char **environ;

namespace gptc::emulator {

namespace fs = std::filesystem;

/// Changed with whatever else decides what comes out.
static constexpr const char *cacheVersion = "3";

bool watchesRaces() {
  const char *value = std::getenv("GPTC_EMULATOR_RACES");
  return value && *value && std::string_view(value) != "0";
}

/// The compiler and its flags, without file names. Instrumented code is not linked with the flag
/// that asks for it, which would add a runtime.
static std::vector<std::string> compilerFlags() {
  std::vector<std::string> result = {GPTC_EMULATOR_COMPILER,
                                     "-x",
                                     "c++",
                                     "-std=c++17",
                                     "-O1",
                                     "-fPIC",
                                     "-w",
                                     "-fno-exceptions",
                                     "-fno-rtti",
                                     "-fno-math-errno",
                                     "-ffp-contract=off",
                                     "-fvisibility=hidden"};
  if (watchesRaces())
    result.insert(result.end(), {"-fsanitize=thread", "-g1", "-c"});
  else
    result.insert(result.end(), {"-g0", "-fno-asynchronous-unwind-tables", "-shared"});
#ifdef GPTC_EMULATOR_LINKER
  if (!watchesRaces())
    result.push_back(GPTC_EMULATOR_LINKER);
#endif
  return result;
}

/// FNV-1a over parts with their lengths.
static uint64_t hash(const std::vector<std::string> &parts, uint64_t state) {
  auto byte = [&](unsigned char c) { state = (state ^ c) * 0x100000001b3; };
  for (const std::string &part : parts) {
    for (size_t n = part.size(); n; n >>= 8)
      byte(n & 255);
    byte(0);
    for (unsigned char c : part)
      byte(c);
  }
  return state;
}

static std::string key(const HostSource &source) {
  std::vector<std::string> parts = compilerFlags();
  parts.insert(parts.end(), {cacheVersion, GPTC_EMULATOR_COMPILER_ID, source.name, source.text});
  for (auto &[name, text] : source.headers) {
    parts.push_back(name);
    parts.push_back(text);
  }
  char digits[40];
  std::snprintf(digits, sizeof digits, "%016llx%016llx",
                (unsigned long long)hash(parts, 0xcbf29ce484222325),
                (unsigned long long)hash(parts, 0x6c62272e07bb0142));
  return digits;
}

static std::string read(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

static bool write(const fs::path &path, const std::string &text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream file(path, std::ios::binary);
  file << text;
  return bool(file.flush());
}

/// Runs a command with its output in `log`; its exit status, or -1.
static int runCommand(const std::vector<std::string> &command, const fs::path &log) {
  std::vector<char *> arguments;
  for (const std::string &argument : command)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  // Without a sanitizer that is preloaded into this process.
  std::vector<char *> environment;
  for (char **variable = environ; *variable; ++variable)
    if (std::strncmp(*variable, "LD_PRELOAD=", 11))
      environment.push_back(*variable);
  environment.push_back(nullptr);
  pid_t child;
  int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (error || waitpid(child, &status, 0) < 0)
    return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// `folder/name:line:column: ` → `name(line): `, as NVRTC writes it.
static std::string nvrtcDiagnostics(std::string log, const std::string &folder) {
  for (size_t at; (at = log.find(folder + "/")) != std::string::npos;)
    log.erase(at, folder.size() + 1);
  static const std::regex position(R"((^|\n)([^\s:]+):(\d+):(?:\d+:)? )");
  return std::regex_replace(log, position, "$1$2($3): ");
}

static fs::path cacheFolder() {
  const char *chosen = std::getenv("GPTC_EMULATOR_CACHE");
  return chosen && *chosen ? chosen : GPTC_EMULATOR_CACHE_FOLDER;
}

/// Unrolled loops take the host's compiler several times as long, and the emulator gains nothing
/// from them.
static std::string withoutPragmas(std::string text) {
  static constexpr std::string_view pragma = "#pragma unroll";
  for (size_t at = 0; (at = text.find(pragma, at)) != std::string::npos; at += pragma.size())
    text.replace(at, 2, "//");
  return text;
}

HostObject compileForHost(const HostSource &source) {
  HostObject result;
  std::error_code error;
  fs::path cache = cacheFolder(), entry = cache / (key(source) + ".so");
  if (fs::exists(entry, error)) {
    result.image = read(entry);
    if (result.ok = result.image.size() > 64; result.ok)
      return result;
  }

  // Without a cache that can be written to, everything happens in a temporary folder.
  fs::create_directories(cache, error);
  std::string folder = (cache / "compile-XXXXXX").string();
  if (!mkdtemp(folder.data())) {
    folder = (fs::temp_directory_path(error) / "gptc-compile-XXXXXX").string();
    if (!mkdtemp(folder.data())) {
      result.log = "error: no folder to compile in could be made\n";
      return result;
    }
  }
  bool written = write(fs::path(folder) / source.name, withoutPragmas(source.text));
  for (auto &[name, text] : source.headers)
    written &= write(fs::path(folder) / name, withoutPragmas(text));
  fs::path object = fs::path(folder) / "object.so", log = fs::path(folder) / "log.txt";
  std::string input = (fs::path(folder) / source.name).string(), output = object.string();
  std::vector<std::string> command = compilerFlags();
  if (watchesRaces())
    output = (fs::path(folder) / "object.o").string();
  command.insert(command.end(), {"-I" + folder, input, "-o", output});
  int status = written ? runCommand(command, log) : -1;
  if (status == 0 && watchesRaces())
    status = runCommand({GPTC_EMULATOR_COMPILER, "-shared", output, "-o", object.string()}, log);
  if (status == 0)
    result.image = read(object);
  result.ok = !result.image.empty();
  result.log = nvrtcDiagnostics(read(log), folder);
  if (!result.ok && result.log.empty())
    result.log = "error: " GPTC_EMULATOR_COMPILER " could not be run\n";
  if (result.ok)
    fs::rename(object, entry, error); // Whole or not at all, whoever else compiles the same.
  fs::remove_all(folder, error);
  return result;
}

} // namespace gptc::emulator
