// The driver's interface: memory, late copies, events, graphs, modules.
#include "test/emulator/Harness.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gptc::emulator {
namespace {

Harness &cuda() { return Harness::get(GPTC_EMULATOR_FOLDER); }

template <typename... T> int call(const char *name, T... arguments) {
  return cuda().function<int(T...)>(name)(arguments...);
}

Handle makeStream() {
  Handle stream = nullptr;
  call("cuStreamCreate", &stream, 1u);
  return stream;
}
Handle makeEvent() {
  Handle event = nullptr;
  call("cuEventCreate", &event, 0u);
  return event;
}
float *pinned(size_t count) {
  void *memory = nullptr;
  call("cuMemHostAlloc", &memory, count * 4, 0u);
  return static_cast<float *>(memory);
}
int copyIn(uint64_t to, const float *from, Handle stream) {
  return call("cuMemcpyHtoDAsync_v2", to, (const void *)from, size_t(4), stream);
}
int copyOut(float *to, uint64_t from, Handle stream) {
  return call("cuMemcpyDtoHAsync_v2", (void *)to, from, size_t(4), stream);
}

const char *addOne =
    "#include \"gptc_device.h\"\nGPTC_KERNEL(32) add_one(float *x) { x[0] += 1; }\n";

void launchOn(Handle kernel, Handle stream, uint64_t address) {
  void *parameters[] = {&address};
  ASSERT_EQ(call("cuLaunchKernel", kernel, 1u, 1u, 1u, 1u, 1u, 1u, 0u, stream, (void **)parameters,
                 (void **)nullptr),
            0);
}

TEST(EmulatedDriver, CopiesFromPinnedMemoryHappenLate) {
  Handle stream = makeStream();
  float *from = pinned(1), pageable = 1;
  uint64_t first = cuda().allocate(4), second = cuda().allocate(4);
  *from = 1;
  copyIn(first, from, stream);
  copyIn(second, &pageable, stream);
  *from = pageable = 2; // Too early for the pinned one.
  call("cuStreamSynchronize", stream);
  EXPECT_EQ(cuda().download<float>(first, 1)[0], 2);
  EXPECT_EQ(cuda().download<float>(second, 1)[0], 1);
}

TEST(EmulatedDriver, RangesOfCopiesAreChecked) {
  uint64_t address = cuda().allocate(100);
  float value = 0;
  EXPECT_EQ(
      call("cuMemcpyHtoDAsync_v2", address + 97, (const void *)&value, size_t(4), cuda().stream),
      1);
  EXPECT_EQ(call("cuMemsetD8Async", address, (unsigned char)0, size_t(101), cuda().stream), 1);
  cuda().free(address);
  EXPECT_EQ(call("cuMemsetD8Async", address, (unsigned char)0, size_t(1), cuda().stream), 1);
  EXPECT_EQ(call("cuMemFree_v2", address), 1);
}

TEST(EmulatedDriver, EventsOrderStreams) {
  Handle kernel = cuda().kernel(addOne, "add_one");
  for (int i = 0; i < 20; ++i) {
    Handle first = makeStream(), second = makeStream(), event = makeEvent();
    uint64_t address = cuda().allocate(4);
    float *value = pinned(1), *result = pinned(1);
    *value = 5;
    copyIn(address, value, first);
    call("cuEventRecord", event, first);
    call("cuStreamWaitEvent", second, event, 0u);
    launchOn(kernel, second, address);
    copyOut(result, address, second);
    EXPECT_TRUE(std::isnan(*result)) << "nothing has been waited for";
    call("cuStreamSynchronize", second);
    EXPECT_EQ(*result, 6);
  }
}

/// Without the event the order is left to chance, and some of the runs must show it.
TEST(EmulatedDriver, StreamsWithoutEventsAreUnordered) {
  Handle kernel = cuda().kernel(addOne, "add_one");
  int wrong = 0;
  for (int i = 0; i < 40; ++i) {
    Handle first = makeStream(), second = makeStream();
    uint64_t address = cuda().allocate(4);
    float *value = pinned(1);
    *value = 5;
    copyIn(address, value, first);
    launchOn(kernel, second, address);
    call("cuStreamSynchronize", second);
    call("cuStreamSynchronize", first);
    wrong += cuda().download<float>(address, 1)[0] != 6;
  }
  EXPECT_GT(wrong, 0);
}

TEST(EmulatedDriver, QueriesMakeProgress) {
  Handle stream = makeStream(), start = makeEvent(), end = makeEvent();
  Handle kernel = cuda().kernel(addOne, "add_one");
  uint64_t address = cuda().upload(std::vector<float>{0});
  call("cuEventRecord", start, stream);
  for (int i = 0; i < 10; ++i)
    launchOn(kernel, stream, address);
  call("cuEventRecord", end, stream);
  EXPECT_EQ(call("cuEventQuery", end), 600);
  int polls = 0;
  while (call("cuEventQuery", end) == 600)
    ASSERT_LT(++polls, 100);
  float milliseconds = -1;
  EXPECT_EQ(call("cuEventElapsedTime", &milliseconds, start, end), 0);
  EXPECT_GE(milliseconds, 0);
}

TEST(EmulatedDriver, GraphsReplay) {
  Handle kernel = cuda().kernel(addOne, "add_one"), stream = makeStream(), side = makeStream();
  Handle fork = makeEvent(), join = makeEvent(), graph, executable;
  uint64_t address = cuda().allocate(4);
  float *in = pinned(1), *out = pinned(1);
  ASSERT_EQ(call("cuStreamBeginCapture_v2", stream, 0), 0);
  copyIn(address, in, stream);
  call("cuEventRecord", fork, stream);
  call("cuStreamWaitEvent", side, fork, 0u);
  launchOn(kernel, side, address);
  call("cuEventRecord", join, side);
  call("cuStreamWaitEvent", stream, join, 0u);
  launchOn(kernel, stream, address);
  copyOut(out, address, stream);
  ASSERT_EQ(call("cuStreamEndCapture", stream, &graph), 0);
  ASSERT_EQ(call("cuGraphInstantiateWithFlags", &executable, graph, 0ull), 0);
  call("cuGraphDestroy", graph);
  for (float value : {1.0f, 10.0f}) {
    *in = value;
    ASSERT_EQ(call("cuGraphLaunch", executable, stream), 0);
    ASSERT_EQ(call("cuStreamSynchronize", stream), 0);
    EXPECT_EQ(*out, value + 2);
  }
  call("cuGraphExecDestroy", executable);
}

TEST(EmulatedDriver, CapturesForbidWaitingAndUnjoinedStreams) {
  Handle stream = makeStream(), side = makeStream(), event = makeEvent(), graph;
  call("cuStreamBeginCapture_v2", stream, 0);
  EXPECT_EQ(call("cuStreamSynchronize", stream), 900);
  EXPECT_EQ(call("cuStreamEndCapture", stream, &graph), 901);
  call("cuStreamBeginCapture_v2", stream, 0);
  uint64_t address = 0;
  EXPECT_EQ(call("cuMemAlloc_v2", &address, size_t(4)), 900);
  EXPECT_EQ(call("cuStreamEndCapture", stream, &graph), 901);
  call("cuStreamBeginCapture_v2", stream, 0);
  call("cuEventRecord", event, stream);
  call("cuStreamWaitEvent", side, event, 0u);
  EXPECT_EQ(call("cuStreamEndCapture", stream, &graph), 904);
  EXPECT_EQ(call("cuStreamSynchronize", side), 0);
}

TEST(EmulatedDriver, ImagesMustBeForThisArchitecture) {
  std::string cubin, log;
  Handle module = nullptr;
  ASSERT_TRUE(cuda().compile(addOne, cubin, log, "sm_80"));
  EXPECT_EQ(call("cuModuleLoadData", &module, (const void *)cubin.data()), 209);
  ASSERT_TRUE(cuda().compile(addOne, cubin, log, "sm_90"));
  EXPECT_EQ(call("cuModuleLoadData", &module, (const void *)cubin.data()), 0);
  Handle function = nullptr;
  EXPECT_EQ(call("cuModuleGetFunction", &function, module, "absent"), 500);
  EXPECT_EQ(call("cuModuleLoadData", &module, (const void *)"no image at all, but some text"), 200);
}

TEST(EmulatedDriver, LaunchesAreChecked) {
  Handle kernel = cuda().kernel(addOne, "add_one");
  uint64_t address = 0;
  void *parameters[] = {&address};
  auto launch = [&](unsigned blocks, unsigned threads) {
    return call("cuLaunchKernel", kernel, blocks, 1u, 1u, threads, 1u, 1u, 0u, cuda().stream,
                (void **)parameters, (void **)nullptr);
  };
  EXPECT_EQ(launch(0, 32), 1);
  EXPECT_EQ(launch(1, 33), 1) << "the kernel is for 32 threads";
}

} // namespace
} // namespace gptc::emulator
