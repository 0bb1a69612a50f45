// Random programs of the description language: right by its grammar, laid out at random.
#ifndef GPTC_TEST_MODEL_RANDOMPROGRAM_H
#define GPTC_TEST_MODEL_RANDOMPROGRAM_H

#include <random>
#include <string>
#include <vector>

namespace gptc::testing {

/// A statement or header: its tokens, and how many blocks it stands in.
struct ProgramLine {
  int depth = 0;
  std::vector<std::string> tokens;
};

using Program = std::vector<ProgramLine>;

/// A program that uses every rule of the grammar sooner or later.
Program randomProgram(unsigned seed);

struct LayoutOptions {
  bool comments = true;
  bool blankLines = true;
};

/// The program as text, with indents, spaces, line breaks in brackets and comments by chance.
std::string randomLayout(const Program &program, unsigned seed, LayoutOptions options = {});

} // namespace gptc::testing

#endif // GPTC_TEST_MODEL_RANDOMPROGRAM_H
