// Runs one kernel of a file on the emulator of a folder:
//   emulator-run FOLDER FILE.cu KERNEL BLOCKS THREADS
// The kernel is `(const float *in, float *out)`, each of 4096 elements, with in[i] = i. Prints the
// sum of `out`, whose elements begin as 0.
#include "test/emulator/Harness.h"

#include <cstdio>
#include <cstdlib>

using namespace gptc::emulator;

int main(int count, char **arguments) {
  if (count != 6) {
    std::fprintf(stderr, "usage: emulator-run FOLDER FILE.cu KERNEL BLOCKS THREADS\n");
    return 2;
  }
  Harness &cuda = Harness::get(arguments[1]);
  Handle kernel = cuda.kernel(readText(arguments[2]), arguments[3]);
  std::vector<float> in(4096);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = float(i);
  uint64_t input = cuda.upload(in), output = cuda.upload(std::vector<float>(4096));
  cuda.launch(kernel, std::atoi(arguments[4]), std::atoi(arguments[5]), input, output);
  double sum = 0;
  for (float value : cuda.download<float>(output, 4096))
    sum += value;
  std::printf("%.9g\n", sum);
}
