// Random programs: a walk through the grammar, and a careless typist.
#include "RandomProgram.h"

#include <cctype>
#include <functional>

namespace gptc::testing {

namespace {

class Random {
public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned n) { return engine_() % n; }
  bool oneIn(unsigned n) { return below(n) == 0; }
  std::string pick(const std::vector<std::string> &words) { return words[below(words.size())]; }

private:
  std::mt19937 engine_;
};

/// Writes lines of tokens, rule by rule.
class Generator {
public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Program run() {
    for (unsigned i = 1 + random_.below(6); i > 0; --i)
      declaration();
    return std::move(program_);
  }

private:
  void put(const std::string &token) { program_.back().tokens.push_back(token); }
  void put(std::initializer_list<const char *> tokens) {
    for (const char *token : tokens)
      put(std::string(token));
  }
  void line(int depth) { program_.push_back({depth, {}}); }

  void some(unsigned least, unsigned most, const std::function<void()> &rule) {
    for (unsigned i = 0, count = least + random_.below(most - least + 1); i < count; ++i) {
      if (i > 0)
        put(",");
      rule();
    }
  }

  void name() {
    static const std::vector<std::string> names = {
        "x",
        "y",
        "B",
        "T",
        "n_embd",
        "weight",
        "c_proj",
        "a_rather_long_name_for_a_thing",
        "an_even_longer_name_that_nobody_would_like_to_type_twice"};
    put(random_.pick(names));
  }

  void number() { put(random_.pick({"0", "12", "0.5", "1e-5", "2.5e+10", "50257"})); }

  void declaration() {
    line(0);
    switch (random_.below(5)) {
    case 0:
      put("config");
      return settings();
    case 1:
      put("preset"), name();
      return settings();
    case 2:
      put("def"), name();
      signature(random_.oneIn(2));
      return body(1);
    default:
      return module();
    }
  }

  void assigns() {
    some(1, 3, [&] { name(), put("="), expr(2); });
  }

  void settings() {
    put(":");
    if (random_.oneIn(2))
      return assigns();
    for (unsigned i = 1 + random_.below(4); i > 0; --i)
      line(1), assigns();
  }

  void signature(bool typed) {
    put("(");
    some(0, 4, [&] {
      name();
      if (typed && random_.oneIn(2))
        put(":"), type();
      if (random_.oneIn(3))
        put("="), expr(1);
    });
    put(")");
    if (typed && random_.oneIn(2))
      put("->"), some(1, 2, [&] { type(); });
  }

  void type() {
    if (random_.oneIn(3))
      put("int");
    shape();
  }

  void shape() {
    put("[");
    some(0, 4, [&] {
      if (random_.oneIn(5))
        return put("...");
      sum(1);
      if (random_.oneIn(6))
        put("<="), sum(1);
    });
    put("]");
  }

  void body(int depth) {
    if (random_.oneIn(2)) {
      put("=");
      return expr(4);
    }
    put(":");
    for (unsigned i = random_.below(5); i > 0; --i) {
      line(depth);
      if (random_.oneIn(4)) {
        put("update"), name(), put("="), expr(3);
        continue;
      }
      some(1, 3, [&] {
        name();
        if (random_.oneIn(4))
          put(":"), type();
      });
      put("="), expr(4);
    }
    line(depth);
    put("return"), some(1, 2, [&] { expr(4); });
  }

  void module() {
    put(random_.oneIn(3) && !hasModel_ ? "model" : "module");
    hasModel_ = hasModel_ || program_.back().tokens[0] == "model";
    name();
    if (random_.oneIn(2))
      signature(false);
    put(":");
    for (unsigned i = random_.below(6); i > 0; --i)
      member();
    line(1), put("forward"), signature(true), body(2);
    if (random_.oneIn(2))
      line(1), put("loss"), signature(true), body(2);
  }

  void member() {
    line(1);
    if (random_.oneIn(2)) {
      put(random_.oneIn(3) ? "state" : "param"), name(), put(":"), shape(), put("="), expr(2);
      if (random_.oneIn(4))
        put(","), assigns();
      return;
    }
    name(), put("=");
    if (random_.oneIn(4)) {
      put("repeat");
      if (random_.oneIn(2))
        name(), put("in");
      expr(1), put(":");
    }
    name(), arguments(3);
  }

  void arguments(int depth) {
    put("(");
    some(0, 4, [&] {
      if (random_.oneIn(3))
        name(), put("=");
      if (!random_.oneIn(5))
        return expr(depth);
      shape();
      if (random_.oneIn(2))
        put("->"), shape();
    });
    put(")");
  }

  /// `depth` bounds how many rules deep the expression goes.
  void expr(int depth) {
    condition(depth);
    if (depth > 0 && random_.oneIn(8))
      put("if"), condition(depth - 1), put("else"), expr(depth - 1);
  }

  void condition(int depth) {
    if (depth > 0 && random_.oneIn(12))
      condition(depth - 1), put(random_.oneIn(2) ? "and" : "or");
    if (random_.oneIn(12))
      put("not");
    sum(depth);
    if (random_.oneIn(12))
      put(random_.pick({"==", "!=", "<", "<=", ">", ">="})), sum(depth - 1);
  }

  void sum(int depth) {
    unary(depth);
    while (depth > 0 && random_.oneIn(3))
      put(random_.pick({"+", "-", "*", "/", "%", "@"})), unary(depth - 1);
  }

  void unary(int depth) {
    while (random_.oneIn(8))
      put("-");
    postfix(depth);
    if (random_.oneIn(8))
      put("^"), unary(depth - 1);
  }

  void postfix(int depth) {
    if (depth > 0 && random_.oneIn(6)) {
      put("("), expr(depth - 1), put(")");
    } else if (random_.oneIn(3)) {
      number();
    } else {
      name();
    }
    while (depth > 0 && random_.oneIn(2)) {
      switch (random_.below(4)) {
      case 0:
        put("."), name();
        break;
      case 1:
        put("["), some(1, 3, [&] { index(depth - 1); }), put("]");
        break;
      default:
        arguments(depth - 1);
      }
      --depth;
    }
  }

  void index(int depth) {
    switch (random_.below(5)) {
    case 0:
      return put("...");
    case 1:
      return put(":");
    case 2:
      return sum(depth), put(":");
    case 3:
      return put(":"), sum(depth);
    default:
      return sum(depth);
    }
  }

  Random random_;
  Program program_;
  bool hasModel_ = false;
};

/// Writes a program down.
class Typist {
public:
  Typist(unsigned seed, LayoutOptions options) : random_(seed), options_(options) {}

  std::string run(const Program &program) {
    std::vector<size_t> columns = {0}; // of the open blocks
    for (const ProgramLine &line : program) {
      while (columns.size() > static_cast<size_t>(line.depth) + 1)
        columns.pop_back();
      if (columns.size() <= static_cast<size_t>(line.depth))
        columns.push_back(columns.back() + 1 + random_.below(8));
      between();
      text_.append(columns.back(), ' ');
      write(line.tokens);
      text_.append(random_.below(3), ' ');
      if (options_.comments && random_.oneIn(4))
        comment();
      text_ += random_.oneIn(8) ? "\r\n" : "\n";
    }
    between();
    return std::move(text_);
  }

private:
  /// Blank lines and comments, which may stand anywhere.
  void between() {
    while (options_.blankLines && random_.oneIn(5))
      text_ += std::string(random_.below(3), ' ') + "\n";
    while (options_.comments && random_.oneIn(6)) {
      text_.append(random_.below(12), ' ');
      comment();
      text_ += "\n";
    }
  }

  void comment() {
    text_ += random_.pick({"#", "# a comment", "#!  spaced   out", "# … läßt Umlaute zu",
                           "# a long one: " + std::string(120, 'x')});
  }

  void write(const std::vector<std::string> &tokens) {
    int open = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0)
        space(tokens[i - 1], tokens[i], open > 0);
      text_ += tokens[i];
      open += tokens[i] == "(" || tokens[i] == "[";
      open -= tokens[i] == ")" || tokens[i] == "]";
    }
  }

  void space(const std::string &before, const std::string &token, bool inBracket) {
    if (inBracket && options_.comments && random_.oneIn(40)) {
      text_ += " ";
      comment();
      text_ += "\n";
    }
    while (inBracket && random_.oneIn(12)) {
      text_ += "\n";
      between();
      text_.append(random_.below(9), ' ');
    }
    auto isWord = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    bool wordy = isWord(before.back()) && (isWord(token.front()) || token.front() == '.');
    text_.append(wordy + (random_.oneIn(3) ? random_.below(4) : 0), ' ');
  }

  Random random_;
  LayoutOptions options_;
  std::string text_;
};

} // namespace

Program randomProgram(unsigned seed) { return Generator(seed).run(); }

std::string randomLayout(const Program &program, unsigned seed, LayoutOptions options) {
  return Typist(seed, options).run(program);
}

} // namespace gptc::testing
