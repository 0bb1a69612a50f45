// Compiling modules.
#include "runtime/device/cuda/ModuleCompiler.h"

#include "runtime/device/Profile.h"
#include "runtime/device/cuda/CompileProgress.h"
#include "runtime/device/cuda/Gpus.h"
#include "runtime/device/cuda/Library.h"
#include "runtime/device/cuda/Nvrtc.h"
#include "runtime/plan/Plan_generated.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <system_error>
#include <thread>

namespace gptc::runtime::cuda {

namespace {

/// What every source is compiled with. The log is verbose also where nobody reads it: a cache that
/// served both would else hold everything twice.
std::vector<std::string> optionsFor(const std::string &architecture) {
  return {"--gpu-architecture=" + architecture, "-std=c++17", "-lineinfo", "--ptxas-options=-v"};
}

/// A file name for messages and debuggers: that of the first kernel, as far as it makes one.
std::string nameOf(const ModuleSource &source) {
  constexpr size_t longest = 128;
  std::string name;
  if (!source.kernels.empty())
    for (char c : source.kernels.front().symbol)
      if (name.size() < longest && ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                                    (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'))
        name += c;
  return (name.empty() ? "module" : name) + ".cu";
}

Status doesNotCompile(const ModuleSource &source, const CompileSettings &settings,
                      const std::string &log) {
  std::string text =
      fmt::format("a kernel does not compile for {}:\n{}\n", settings.architecture, log);
  CubinCache temporary("", {});
  const CubinCache &cache = settings.cache ? *settings.cache : temporary;
  std::string path = cache.keepForReading("failed-" + nameOf(source), source.source);
  if (!path.empty())
    text += fmt::format("its source is in {}\n", path);
  for (const ModuleSource::Kernel &kernel : source.kernels)
    text += fmt::format("it holds {}{}{}\n", kernel.symbol,
                        kernel.location.empty() ? "" : ", which computes ", kernel.location);
  text.pop_back();
  return {Code::dataError, std::move(text)};
}

/// Compiles the sources of one call that neither plan nor cache has.
class Workers {
public:
  Workers(const std::string &header, std::span<const ModuleSource> sources,
          const CompileSettings &settings, std::span<const std::string> keys,
          std::span<CompiledModule> results)
      : header_(header), sources_(sources), settings_(settings), keys_(keys), results_(results),
        options_(optionsFor(settings.architecture)) {}

  Status run(const Nvrtc &nvrtc, std::span<const size_t> wanted) {
    CompileProgress progress(wanted.size(), settings_.note);
    std::atomic<size_t> next = 0;
    auto work = [&] {
      for (size_t i; (i = next++) < wanted.size() && !failed_;) {
        Status status = compile(nvrtc, wanted[i]);
        progress.advance();
        if (!status.ok())
          fail(std::move(status));
      }
    };
    size_t count = settings_.threads > 0 ? settings_.threads
                                         : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::thread> threads;
    try {
      for (size_t i = 1; i < std::min(count, wanted.size()); ++i)
        threads.emplace_back(work);
    } catch (const std::system_error &) {
      // No more threads are to be had: those that there are do the work.
    }
    work();
    for (std::thread &thread : threads)
      thread.join();
    return status_;
  }

private:
  Status compile(const Nvrtc &nvrtc, size_t index) {
    const ModuleSource &source = sources_[index];
    GPTC_ASSIGN(Nvrtc::Compiled compiled, nvrtc.compile(source.source, nameOf(source), header_,
                                                        options_, Nvrtc::Output::cubin));
    if (!compiled.ok)
      return doesNotCompile(source, settings_, compiled.log);
    if (settings_.cache)
      settings_.cache->store(keys_[index], {compiled.code, compiled.log});
    results_[index] = {std::move(compiled.code), std::move(compiled.log),
                       CompiledModule::Origin::compiled};
    return {};
  }

  void fail(Status status) {
    std::lock_guard lock(mutex_);
    if (!failed_)
      status_ = std::move(status);
    failed_ = true;
  }

  const std::string &header_;
  std::span<const ModuleSource> sources_;
  const CompileSettings &settings_;
  std::span<const std::string> keys_;
  std::span<CompiledModule> results_;
  std::vector<std::string> options_;
  std::mutex mutex_;
  std::atomic<bool> failed_ = false;
  Status status_;
};

std::string keyOf(const std::string &header, const std::string &source,
                  const std::string &architecture, int version) {
  std::string options = fmt::format("{}", fmt::join(optionsFor(architecture), "\n"));
  std::string versionNumber = std::to_string(version), folder = libraryFolder();
  std::array<std::string_view, 5> parts = {source, header, options, versionNumber, folder};
  return CubinCache::key(parts);
}

/// A driver loads what compilers of its own major version make, and older ones.
Status checkVersions(const Nvrtc &nvrtc, int driverVersion) {
  if (driverVersion == 0 || nvrtc.version / 1000 <= driverVersion / 1000)
    return {};
  return {Code::failedPrecondition,
          fmt::format("the CUDA driver serves CUDA {}, and NVRTC {} compiles for newer ones: "
                      "install a newer driver, or NVRTC {}",
                      versionText(driverVersion), versionText(nvrtc.version),
                      driverVersion / 1000)};
}

} // namespace

std::string CompileCounts::text() const {
  std::string text = fmt::format("{} module{}", modules, modules == 1 ? "" : "s");
  if (fromPlan > 0)
    text += fmt::format(", {} in the plan", fromPlan);
  if (fromCache > 0)
    text += fmt::format(", {} from the cache", fromCache);
  if (compiled > 0)
    text += fmt::format(", {} compiled in {:.1f} s", compiled, seconds);
  return text;
}

Result<std::vector<CompiledModule>> compileModules(const std::string &header,
                                                   std::span<const ModuleSource> sources,
                                                   const CompileSettings &settings,
                                                   CompileCounts *counts) {
  double begin = Profile::now();
  std::vector<CompiledModule> modules(sources.size());
  std::vector<size_t> wanted;
  CompileCounts own;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].image.empty())
      wanted.push_back(i);
    else
      modules[i] = {std::string(sources[i].image), "", CompiledModule::Origin::plan};
  }
  own.modules = sources.size();
  own.fromPlan = sources.size() - wanted.size();
  if (!wanted.empty()) {
    // The version is part of the key, so that the compiler must be there also for what is cached.
    GPTC_ASSIGN(const Nvrtc *nvrtc, openNvrtc());
    GPTC_RETURN_IF_ERROR(checkVersions(*nvrtc, settings.driverVersion));
    std::vector<std::string> keys(sources.size());
    std::erase_if(wanted, [&](size_t i) {
      keys[i] = keyOf(header, sources[i].source, settings.architecture, nvrtc->version);
      std::optional<CubinCache::Entry> entry =
          settings.cache ? settings.cache->find(keys[i]) : std::nullopt;
      if (entry)
        modules[i] = {std::move(entry->cubin), std::move(entry->log),
                      CompiledModule::Origin::cache};
      return entry.has_value();
    });
    own.fromCache = own.modules - own.fromPlan - wanted.size();
    own.compiled = wanted.size();
    if (!wanted.empty())
      GPTC_RETURN_IF_ERROR(Workers(header, sources, settings, keys, modules).run(*nvrtc, wanted));
  }
  own.seconds = Profile::now() - begin;
  if (counts)
    *counts = own;
  return modules;
}

std::vector<ModuleSource> moduleSources(const Plan &plan, std::span<const uint32_t> modules,
                                        std::string_view architecture) {
  const fb::Cuda &cuda = *plan.table().cuda();
  std::vector<ModuleSource> sources(modules.size());
  for (size_t i = 0; i < modules.size(); ++i) {
    const fb::CudaModule &module = *cuda.modules()->Get(modules[i]);
    sources[i].source = module.source()->str();
    int best = 0;
    if (module.images())
      for (const fb::CudaImage *image : *module.images())
        if (int fit = imageFit(image->architecture()->string_view(), architecture); fit > best) {
          best = fit;
          sources[i].image = {reinterpret_cast<const char *>(image->cubin()->data()),
                              image->cubin()->size()};
        }
    if (cuda.kernels())
      for (flatbuffers::uoffset_t k = 0; k < cuda.kernels()->size(); ++k)
        if (cuda.kernels()->Get(k)->module_() == modules[i]) {
          const fb::Kernel &kernel = *plan.table().kernels()->Get(k);
          sources[i].kernels.push_back(
              {kernel.symbol()->str(), kernel.location() ? kernel.location()->str() : ""});
        }
    if (cuda.matmuls())
      for (const fb::CudaMatmul *matmul : *cuda.matmuls())
        if (matmul->module_() == modules[i])
          sources[i].kernels.push_back({matmul->symbol()->str(), "matrix products"});
    if (cuda.argsort() && cuda.argsort()->module_() == modules[i])
      sources[i].kernels.push_back({cuda.argsort()->symbol()->str(), "the order of tokens"});
  }
  return sources;
}

Result<std::string> compileToPtx(const std::string &header, const ModuleSource &source,
                                 const std::string &architecture) {
  GPTC_ASSIGN(const Nvrtc *nvrtc, openNvrtc());
  // PTX is made for a virtual architecture: compute_90a for sm_90a.
  std::string virtualName =
      architecture.starts_with("sm_") ? "compute_" + architecture.substr(3) : architecture;
  std::array<std::string, 2> options = {"--gpu-architecture=" + virtualName, "-std=c++17"};
  GPTC_ASSIGN(Nvrtc::Compiled compiled,
              nvrtc->compile(source.source, nameOf(source), header, options, Nvrtc::Output::ptx));
  if (!compiled.ok) {
    CompileSettings settings;
    settings.architecture = architecture;
    return doesNotCompile(source, settings, compiled.log);
  }
  return std::move(compiled.code);
}

} // namespace gptc::runtime::cuda
