// The editors' grammar knows exactly the words that the lexer knows.
#include "gptc/Model/Lexer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

namespace gptc {
namespace {

nlohmann::json readJson(const char *name) {
  std::ifstream stream(std::string(GPTC_SOURCE_DIR "/tools/editors/") + name);
  EXPECT_TRUE(stream.good()) << name;
  return nlohmann::json::parse(stream, nullptr, false);
}

/// The words of a rule whose pattern is `\b(one|two)\b`, sorted.
std::vector<std::string> wordsOf(const nlohmann::json &grammar, const char *rule) {
  std::string pattern = grammar["repository"][rule]["match"];
  EXPECT_TRUE(pattern.starts_with("\\b(") && pattern.ends_with(")\\b")) << pattern;
  std::stringstream words(pattern.substr(3, pattern.size() - 6));
  std::vector<std::string> result;
  for (std::string word; std::getline(words, word, '|');)
    result.push_back(word);
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<std::string> sorted(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  return words;
}

TEST(EditorGrammar, HasTheLexersKeywordsAndFixedNames) {
  nlohmann::json grammar = readJson("gpt.tmLanguage.json");
  ASSERT_TRUE(grammar.is_object());
  EXPECT_EQ(wordsOf(grammar, "keywords"), sorted(keywords()));
  EXPECT_EQ(wordsOf(grammar, "fixed-names"), sorted(fixedNames()));
  EXPECT_EQ(grammar["fileTypes"], nlohmann::json({"gpt"}));
}

TEST(EditorGrammar, IncludesOnlyRulesThatItHas) {
  nlohmann::json grammar = readJson("gpt.tmLanguage.json");
  std::vector<std::string> used;
  auto collect = [&](const auto &self, const nlohmann::json &node) -> void {
    if (node.is_object() && node.contains("include"))
      used.push_back(node["include"].get<std::string>().substr(1));
    if (node.is_structured())
      for (const nlohmann::json &child : node)
        self(self, child);
  };
  collect(collect, grammar);
  for (const std::string &rule : used)
    EXPECT_TRUE(grammar["repository"].contains(rule)) << rule;
  for (const auto &[rule, definition] : grammar["repository"].items())
    EXPECT_NE(std::find(used.begin(), used.end(), rule), used.end()) << rule << " is never used";
}

TEST(EditorGrammar, TheExtensionNamesItsFiles) {
  nlohmann::json package = readJson("package.json");
  EXPECT_EQ(package["contributes"]["grammars"][0]["path"], "./gpt.tmLanguage.json");
  EXPECT_EQ(package["contributes"]["grammars"][0]["scopeName"],
            readJson("gpt.tmLanguage.json")["scopeName"]);
}

TEST(EditorGrammar, ALineThatEndsInAColonIndents) {
  nlohmann::json rules = readJson("language-configuration.json")["onEnterRules"];
  auto actionAfter = [&](const std::string &line) -> std::string {
    for (const nlohmann::json &rule : rules)
      if (std::regex_search(line, std::regex(rule["beforeText"].get<std::string>())))
        return rule["action"]["indent"];
    return "none";
  };
  EXPECT_EQ(actionAfter("module Block:"), "indent");
  EXPECT_EQ(actionAfter("    forward(x: [B, T]) -> [B]:  # a comment"), "indent");
  EXPECT_EQ(actionAfter("    h = repeat n: Block()"), "none");
  EXPECT_EQ(actionAfter("# note:"), "none");
  EXPECT_EQ(actionAfter("        return x"), "outdent");
}

TEST(EditorGrammar, MarksSizesCallsAndNamedArguments) {
  nlohmann::json rules = readJson("gpt.tmLanguage.json")["repository"];
  auto firstMatch = [&](const char *rule, const std::string &line) {
    std::string pattern = rules[rule]["match"];
    // ECMAScript has no look-behind; the bracket or comma before a named argument is matched here.
    if (size_t at = pattern.find("(?<=[(,])"); at != std::string::npos)
      pattern.replace(at, 9, "[(,]");
    std::smatch match;
    return std::regex_search(line, match, std::regex(pattern)) ? match.str() : std::string();
  };
  EXPECT_EQ(firstMatch("sizes", "n_embd, T <= block_size"), "T");
  EXPECT_EQ(firstMatch("sizes", "..., n"), "...");
  EXPECT_EQ(firstMatch("sizes", "Linear(x)"), "");
  EXPECT_EQ(firstMatch("calls", "y = attention (q)"), "attention");
  EXPECT_EQ(firstMatch("named-arguments", "f(x, causal = true)"), ", causal =");
  EXPECT_EQ(firstMatch("named-arguments", "f(x == y)"), "");
  EXPECT_EQ(firstMatch("numbers", "x + 1e-5 * 2"), "1e-5");
  EXPECT_EQ(firstMatch("declarations", "module Block:"), "module Block");
  EXPECT_EQ(firstMatch("members", "    param bias: [n] = zeros"), "    param bias");
}

} // namespace
} // namespace gptc
