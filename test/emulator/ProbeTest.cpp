// Runs every probe of `probes/probes.txt` on the emulator, and compares with a plain model of the
// instruction in float64, and with the words that a GPU gave where `probes/golden/NAME.txt` holds
// them.
#include "test/emulator/Harness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

namespace gptc::emulator {
namespace {

using Words = std::vector<uint32_t>;

struct Probe {
  std::string name;
  unsigned threads;
  size_t words;
  double tolerance;
};

std::vector<Probe> readProbes() {
  std::ifstream file(GPTC_PROBE_FOLDER "/probes.txt");
  std::vector<Probe> probes;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#')
      continue;
    std::istringstream fields(line);
    Probe probe;
    fields >> probe.name >> probe.threads >> probe.words >> probe.tolerance;
    probes.push_back(probe);
  }
  return probes;
}

/// The input of every probe: 4096 words of a linear congruential generator.
Words inputWords() {
  Words words(4096);
  uint32_t state = 1;
  for (uint32_t &word : words)
    word = state = state * 1664525u + 1013904223u;
  return words;
}

float asFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
uint32_t asWord(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}
float unit(uint32_t bits) { return asFloat(bits >> 9 | 0x3f800000) - 1.5f; }

/// To `bits` of fraction; ties away from zero, or to even.
double rounded(double value, int bits, bool away) {
  int exponent;
  std::frexp(value, &exponent);
  double unitInLastPlace = std::ldexp(1.0, exponent - 1 - bits), scaled = value / unitInLastPlace;
  return (away ? std::round(scaled) : std::nearbyint(scaled)) * unitInLastPlace;
}

Words shuffleModel(const Words &in) {
  Words out(96);
  for (int lane = 0; lane < 32; ++lane) {
    out[lane] = in[in[32 + lane] % 32];
    out[32 + lane] = in[lane ^ 1] ^ in[lane ^ 16];
    out[64 + lane] = in[lane ^ 21];
  }
  return out;
}

Words ldmatrixModel(const Words &in) {
  Words out(192);
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < 4; ++i)
      out[lane * 4 + i] = in[(i * 8 + lane / 4) * 8 + lane % 4];
    for (int i = 0; i < 2; ++i)
      out[128 + lane * 2 + i] = in[(i * 8 + lane / 4) * 8 + 4 + lane % 4];
  }
  return out;
}

Words ldmatrixTransModel(const Words &in) {
  Words out(128);
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      auto half = [&](int row, int column) {
        return in[(i * 8 + row) * 8 + column / 2] >> column % 2 * 16 & 0xffff;
      };
      int row = lane % 4 * 2, column = lane / 4;
      out[lane * 4 + i] = half(row, column) | half(row + 1, column) << 16;
    }
  return out;
}

/// The bits of the number nearest to `value` of a type with `fraction` bits, the least normal
/// number 2^least, and the bits `infinite` for infinity; ties to even.
uint32_t narrowBits(double value, int fraction, int least, uint32_t infinite) {
  uint32_t sign = std::signbit(value) ? 0x8000 : 0;
  int exponent;
  std::frexp(value, &exponent);
  exponent = std::max(exponent - 1, least);
  double units = std::nearbyint(std::ldexp(std::fabs(value), fraction - exponent));
  if (!std::isfinite(units))
    return sign | infinite;
  // `units` counts from the exponent's first number on; it may be the next one's first.
  uint32_t bits = (uint32_t)units + ((uint32_t)(exponent - least) << fraction);
  return sign | std::min(bits, infinite);
}
uint32_t bf16Bits(double value) { return narrowBits(value, 7, -126, 0x7f80); }
uint32_t f16Bits(double value) { return narrowBits(value, 10, -14, 0x7c00); }
double f16Value(uint32_t bits) {
  uint32_t exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
  double size = exponent == 31  ? fraction ? std::nan("") : HUGE_VAL
                : exponent == 0 ? std::ldexp(fraction, -24)
                                : std::ldexp(1024 + fraction, (int)exponent - 25);
  return bits & 0x8000 ? -size : size;
}

Words convertModel(const Words &in) {
  Words out(352);
  auto word = [](double value) { return std::isnan(value) ? ~0u : asWord(float(value)); };
  auto both = [](uint32_t bits) {
    float value = asFloat(bits);
    return std::isnan(value) ? ~0u : bf16Bits(value) | f16Bits(value) << 16;
  };
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t bits = in[lane], middle = (bits & 0x8fffffff) | 0x30000000;
    out[lane] = both(bits);
    out[32 + lane] = both((middle & 0xffff0000) | 0x8000);
    out[64 + lane] = both((middle & 0xffffe000) | 0x1000);
    out[96 + lane] = both((bits & 0x83ffffff) | 0x30000000);
    out[128 + lane] = both(0x477fe000 + (lane << 8));
    out[160 + lane] = both(0xff7f0000 + (lane << 11));
    out[192 + lane] = word(f16Value(bits & 0xffff));
    out[224 + lane] = word(f16Value(bits & 0x83ff));
    out[256 + lane] = word(asFloat(bits << 16));
    double value = asFloat(middle);
    out[288 + lane] = bf16Bits(value) | bf16Bits(-value) << 16;
    out[320 + lane] = f16Bits(value) | f16Bits(-value) << 16;
  }
  return out;
}

Words mmaModel(const Words &in, int depth, int fraction, bool away) {
  Words out(128);
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      double sum = unit(in[24 * depth + row * 8 + column]);
      for (int k = 0; k < depth; ++k)
        sum += rounded(unit(in[row * depth + k]), fraction, away) *
               rounded(unit(in[16 * depth + k * 8 + column]), fraction, away);
      out[row * 8 + column] = asWord(float(sum));
    }
  return out;
}

Words copyModel(const Words &in) {
  Words shared(in.begin(), in.begin() + 320), out(320);
  for (int lane = 1; lane < 32; lane += 2) {
    shared[128 + lane] = 0;
    std::fill_n(shared.begin() + 192 + lane * 4, 4, 0);
  }
  for (int i = 0; i < 320; ++i)
    out[i] = shared[i / 32 * 32 + 31 - i % 32];
  return out;
}

Words tf32Model(const Words &in) {
  Words out(96);
  for (int lane = 0; lane < 32; ++lane) {
    uint32_t finite = in[lane] & 0xff7fffff;
    uint32_t words[] = {finite, (finite & 0xffffe000) | 0x1000, 0x7f7fffffu - (lane << 9)};
    for (int i = 0; i < 3; ++i)
      out[i * 32 + lane] = asWord(float(rounded(asFloat(words[i]), 10, true)));
  }
  return out;
}

Words reductionModel(const Words &in, int threads) {
  Words out(3 * threads);
  for (int kind = 0; kind < 3; ++kind) {
    double result = kind == 0 ? 0 : unit(in[kind * threads]);
    for (int i = 0; i < threads; ++i) {
      double value = unit(in[kind * threads + i]);
      result = kind == 0   ? result + value
               : kind == 1 ? std::max(result, value)
                           : std::min(result, value);
    }
    std::fill_n(out.begin() + kind * threads, threads, asWord(float(result)));
  }
  return out;
}

const std::map<std::string, std::function<Words(const Words &)>> models = {
    {"shuffle", shuffleModel},
    {"ldmatrix", ldmatrixModel},
    {"mma_tf32", [](const Words &in) { return mmaModel(in, 8, 10, true); }},
    {"mma_bf16", [](const Words &in) { return mmaModel(in, 16, 7, false); }},
    {"mma_f16", [](const Words &in) { return mmaModel(in, 16, 10, false); }},
    {"ldmatrix_trans", ldmatrixTransModel},
    {"convert_16", convertModel},
    {"copy_async", copyModel},
    {"to_tf32", tf32Model},
    {"warp_sum", [](const Words &in) { return reductionModel(in, 32); }},
    {"block_sum", [](const Words &in) { return reductionModel(in, 128); }},
};

class ProbeTest : public testing::TestWithParam<Probe> {};

void expectClose(const Words &got, const Words &expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (tolerance == 0)
      ASSERT_EQ(got[i], expected[i]) << "word " << i;
    else
      ASSERT_NEAR(asFloat(got[i]), asFloat(expected[i]),
                  tolerance * std::max(1.0f, std::abs(asFloat(expected[i]))))
          << "word " << i;
}

TEST_P(ProbeTest, Model) {
  const Probe &probe = GetParam();
  Harness &cuda = Harness::get(GPTC_EMULATOR_FOLDER);
  Handle kernel =
      cuda.kernel(readText(GPTC_PROBE_FOLDER "/" + probe.name + ".cu"), probe.name.c_str());
  Words in = inputWords();
  uint64_t input = cuda.upload(in), output = cuda.allocate(probe.words * 4);
  cuda.launch(kernel, 1, probe.threads, input, output);
  Words got = cuda.download<uint32_t>(output, probe.words);
  cuda.free(input);
  cuda.free(output);

  // Sums are in another order than the model's.
  bool sums = probe.name.ends_with("_sum");
  ASSERT_TRUE(models.count(probe.name)) << "no model of this probe";
  expectClose(got, models.at(probe.name)(in), sums ? 1e-6 : probe.tolerance);

  std::string golden = GPTC_PROBE_FOLDER "/golden/" + probe.name + ".txt";
  if (!std::filesystem::exists(golden))
    return;
  std::ifstream file(golden);
  Words expected;
  for (std::string word; file >> word;)
    expected.push_back((uint32_t)std::stoul(word, nullptr, 16));
  expectClose(got, expected, probe.tolerance);
}

INSTANTIATE_TEST_SUITE_P(Probes, ProbeTest, testing::ValuesIn(readProbes()),
                         [](const auto &info) { return info.param.name; });

} // namespace
} // namespace gptc::emulator
