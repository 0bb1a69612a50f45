// What the parser rejects: the exact message, and the text under the caret.
#include "SyntaxTesting.h"

namespace gptc {
namespace {

using testing::errorsOf;
using testing::Lines;
using testing::Parsed;

/// The errors of a statement in an otherwise right function.
Lines inBody(const std::string &statement) {
  return errorsOf("def f(x):\n    " + statement + "\n    return x\n");
}

/// The errors of a member in an otherwise right module.
Lines inModule(const std::string &member) {
  return errorsOf("module M:\n    " + member + "\n    forward(x) = x\n");
}

/// The errors of an expression at column 12 of line 1.
Lines inExpr(const std::string &expr) { return errorsOf("def f(x) = " + expr + "\n"); }

TEST(ParserErrors, Declarations) {
  EXPECT_EQ(errorsOf("modul M:\n    x\n"),
            (Lines{"1:1 'modul' expected config, preset, def, module or model, found name 'modul'; "
                   "did you mean module?"}));
  EXPECT_EQ(errorsOf("= 3\n"), (Lines{"1:1 '=' expected config, preset, def, module or model, "
                                      "found '='"}));
  EXPECT_EQ(errorsOf("forward(x) = x\n"), (Lines{"1:1 'forward' 'forward' stands inside a module. "
                                                 "Hint: indent it below its module or model"}));
  EXPECT_EQ(errorsOf("return x\n"), (Lines{"1:1 'return' 'return' stands inside a function. Hint: "
                                           "indent it below its def, forward or loss"}));
  EXPECT_EQ(errorsOf("def 3(x) = x\n"), (Lines{"1:5 '3' expected a name after 'def', found number "
                                               "3"}));
  EXPECT_EQ(errorsOf("module state:\n    forward(x) = x\n"),
            (Lines{"1:8 'state' expected a name after 'module', found keyword 'state'"}));
  EXPECT_EQ(errorsOf("preset: n = 1\n"), (Lines{"1:7 ':' expected a name after 'preset', found "
                                                "':'"}));
}

TEST(ParserErrors, Settings) {
  EXPECT_EQ(errorsOf("config a = 1\n"), (Lines{"1:8 'a' expected ':' after 'config', found name "
                                               "'a'"}));
  EXPECT_EQ(errorsOf("preset p a = 1\n"), (Lines{"1:10 'a' expected ':' after the preset's name, "
                                                 "found name 'a'"}));
  EXPECT_EQ(errorsOf("config:\ndef f(x) = x\n"), (Lines{"1:8 '' expected settings in the lines "
                                                        "below, indented"}));
  EXPECT_EQ(errorsOf("config: a = 1,\n"), (Lines{"1:15 '' expected a setting such as n = 12, found "
                                                 "the end of the line"}));
  EXPECT_EQ(errorsOf("config: a 1\n"), (Lines{"1:11 '1' expected '=' after 'a', found number 1"}));
  EXPECT_EQ(errorsOf("config: a == 1\n"), (Lines{"1:11 '==' expected '=' after 'a', found '=='"}));
  EXPECT_EQ(errorsOf("config: a = 1 b = 2\n"), (Lines{"1:15 'b' expected the end of the line, "
                                                      "found name 'b'"}));
  EXPECT_EQ(errorsOf("config: inf = 1\n"), (Lines{"1:9 'inf' 'inf' has a fixed meaning and cannot "
                                                  "be defined"}));
}

TEST(ParserErrors, AHeaderWithoutItsColonStillOwnsItsBlock) {
  EXPECT_EQ(errorsOf("config\n    a = \nmodule M\n    forward(x)\n        return \n"),
            (Lines{"1:7 '' expected ':' after 'config', found the end of the line",
                   "2:8 '' expected an expression, found the end of the line",
                   "3:9 '' expected ':' after 'module M', found the end of the line",
                   "4:15 '' expected '=' or ':' after the signature of forward, found the end of "
                   "the line",
                   "5:15 '' expected an expression, found the end of the line"}));
}

TEST(ParserErrors, Modules) {
  EXPECT_EQ(errorsOf("module M:\n"), (Lines{"1:10 '' expected members and forward in the lines "
                                            "below, indented"}));
  EXPECT_EQ(errorsOf("module M: forward(x) = x\n"),
            (Lines{"1:11 'forward' expected the end of the line after ':', found keyword "
                   "'forward'. Hint: members stand in the lines below"}));
  EXPECT_EQ(errorsOf("model M:\n    a = A()\n"), (Lines{"1:7 'M' model 'M' has no forward"}));
  EXPECT_EQ(inModule("def f(x) = x"), (Lines{"2:5 'def' 'def' stands at the top of a file, not "
                                             "inside a module"}));
  EXPECT_EQ(inModule("return x"), (Lines{"2:5 'return' 'return' stands inside a function. Hint: "
                                         "indent it below forward or loss"}));
  EXPECT_EQ(inModule("parm w: [n] = ones"), (Lines{"2:5 'parm' expected a member, forward or loss, "
                                                   "found name 'parm'; did you mean param?"}));
  EXPECT_EQ(inModule("+ 3"), (Lines{"2:5 '+' expected a member, forward or loss, found '+'. Hint: "
                                    "members are 'param name: [...] = ...', 'state name: [...] = "
                                    "...' and 'name = Module(...)'"}));
  EXPECT_EQ(errorsOf("module M:\n    forward(x) = x\n    a = A()\n    loss(x) = x\n"),
            (Lines{"3:5 'a' members stand before forward and loss"}));
  EXPECT_EQ(errorsOf("module M:\n    loss(x) = x\n    forward(x) = x\n"),
            (Lines{"3:5 'forward' 'forward' stands before 'loss'"}));
  Parsed second("module M:\n    forward(x) = x\n    forward(y) = y\n");
  EXPECT_EQ(second.diagnostics.render(), "test.gpt:3:5: error: a second 'forward'\n"
                                         "    3 |     forward(y) = y\n"
                                         "      |     ^~~~~~~\n"
                                         "test.gpt:2:5: note: the first is here\n"
                                         "    2 |     forward(x) = x\n"
                                         "      |     ^~~~~~~\n"
                                         "1 error\n");
}

TEST(ParserErrors, Models) {
  Parsed two("model A:\n    forward(x) = x\nmodel B:\n    forward(x) = x\n");
  EXPECT_EQ(two.diagnostics.render(),
            "test.gpt:3:7: error: a description has one model; the others are modules\n"
            "    3 | model B:\n"
            "      |       ^\n"
            "test.gpt:1:7: note: the model is here\n"
            "    1 | model A:\n"
            "      |       ^\n"
            "1 error\n");
  EXPECT_EQ(errorsOf("config: a = 1\n", {.requireModel = true}),
            (Lines{"test.gpt no model: a description has one 'model Name:'"}));
  // What could not be read may have been the model.
  EXPECT_EQ(errorsOf("modle A:\n    forward(x) = x\n", {.requireModel = true}).size(), 1u);
  EXPECT_EQ(errorsOf("\xff", {.requireModel = true}).size(), 1u);
}

TEST(ParserErrors, Members) {
  EXPECT_EQ(inModule("param [n] = ones"), (Lines{"2:11 '[' expected a name after 'param', found "
                                                 "'['"}));
  EXPECT_EQ(inModule("param w = ones"), (Lines{"2:13 '=' expected ':' and a shape after 'w', found "
                                               "'='"}));
  EXPECT_EQ(inModule("param w: n = ones"), (Lines{"2:14 'n' expected a shape such as [n, m], found "
                                                  "name 'n'"}));
  EXPECT_EQ(inModule("state s: [n]"),
            (Lines{"2:17 '' expected '=' and an initialiser after the shape, found the end of the "
                   "line. Hint: zeros, ones, constant(c), normal(std) or uniform(low, high)"}));
  EXPECT_EQ(inModule("param w: [n] = ones, 3"), (Lines{"2:26 '3' expected a setting such as n = "
                                                       "12, found number 3"}));
  EXPECT_EQ(inModule("a = 3"), (Lines{"2:9 '3' expected a module such as Linear(8, 9), found "
                                      "number 3"}));
  EXPECT_EQ(inModule("a = Linear"), (Lines{"2:15 '' expected '(' after the module's name 'Linear', "
                                           "found the end of the line"}));
  EXPECT_EQ(inModule("a = A() + 1"), (Lines{"2:13 '+' expected the end of the line, found '+'"}));
  EXPECT_EQ(inModule("a = repeat 3 A()"), (Lines{"2:18 'A' expected ':' after the number of "
                                                 "copies, found name 'A'"}));
  EXPECT_EQ(inModule("a = repeat pi in 3: A()"), (Lines{"2:16 'pi' 'pi' has a fixed meaning and "
                                                        "cannot be defined"}));
}

TEST(ParserErrors, Signatures) {
  EXPECT_EQ(errorsOf("def f = 3\n"), (Lines{"1:7 '=' expected '(' and inputs after 'f', found "
                                            "'='"}));
  EXPECT_EQ(errorsOf("def f(3) = 3\n"), (Lines{"1:7 '3' expected an input's name, found number "
                                               "3"}));
  EXPECT_EQ(errorsOf("def f(true) = 3\n"), (Lines{"1:7 'true' 'true' has a fixed meaning and "
                                                  "cannot be defined"}));
  EXPECT_EQ(errorsOf("def f(x y) = 3\n"), (Lines{"1:9 'y' expected ',' or ')', found name 'y'"}));
  EXPECT_EQ(errorsOf("def f(x,) = 3\n"), (Lines{"1:8 ',' a list does not end in ','"}));
  EXPECT_EQ(errorsOf("def f(x: B) = 3\n"), (Lines{"1:10 'B' expected a shape such as [B, T] or "
                                                  "int[B, T], found name 'B'"}));
  EXPECT_EQ(errorsOf("def f(x: int) = 3\n"), (Lines{"1:13 ')' expected a shape after 'int', found "
                                                    "')'"}));
  EXPECT_EQ(errorsOf("def f(x) -> y = 3\n"), (Lines{"1:13 'y' expected a shape such as [B, T] or "
                                                    "int[B, T], found name 'y'"}));
  EXPECT_EQ(errorsOf("def f(x) -> [B] x\n"), (Lines{"1:17 'x' expected '=' or ':' after the "
                                                    "signature of f, found name 'x'"}));
  EXPECT_EQ(errorsOf("def f(x: [B T]) = 3\n"), (Lines{"1:13 'T' expected ',' or ']', found name "
                                                      "'T'"}));
  EXPECT_EQ(errorsOf("def f(x: [B, ]) = 3\n"), (Lines{"1:12 ',' a list does not end in ','"}));
  EXPECT_EQ(errorsOf("def f(x: [T < n]) = 3\n"), (Lines{"1:13 '<' expected ',' or ']', found "
                                                        "'<'"}));
}

TEST(ParserErrors, Bodies) {
  EXPECT_EQ(errorsOf("def f(x):\ndef g(x) = x\n"), (Lines{"1:10 '' expected statements and return "
                                                          "in the lines below, indented"}));
  EXPECT_EQ(errorsOf("def f(x): return x\n"),
            (Lines{"1:11 'return' expected the end of the line after ':', found keyword 'return'. "
                   "Hint: a body in one line is written '= value'"}));
  EXPECT_EQ(errorsOf("def f(x):\n    y = x\n"), (Lines{"1:5 'f' the body of f has no return"}));
  EXPECT_EQ(errorsOf("def f(x):\n    return x\n    y = x\n"),
            (Lines{"3:5 'y' nothing stands after return"}));
  EXPECT_EQ(errorsOf("def f(x) = x, x\n"), (Lines{"1:13 ',' expected the end of the line, found "
                                                  "','"}));
}

TEST(ParserErrors, Statements) {
  EXPECT_EQ(inBody("y"), (Lines{"2:6 '' expected '=' after 'y', found the end of the line"}));
  EXPECT_EQ(inBody("f(x)"), (Lines{"2:6 '(' expected '=' after 'f', found '('"}));
  EXPECT_EQ(inBody("y += 1"), (Lines{"2:7 '+' expected '=' after 'y', found '+'. Hint: write y = y "
                                     "+ ..."}));
  EXPECT_EQ(inBody("y, = 1"), (Lines{"2:8 '=' expected a name, found '='"}));
  EXPECT_EQ(inBody("pi = 3"), (Lines{"2:5 'pi' 'pi' has a fixed meaning and cannot be defined"}));
  EXPECT_EQ(inBody("a, b = 1, 2, 3"), (Lines{"2:5 'a, b = 1, 2, 3' 2 names for 3 values"}));
  EXPECT_EQ(inBody("a = 1, 2"), (Lines{"2:5 'a = 1, 2' 1 name for 2 values"}));
  EXPECT_EQ(inBody("a = b = c"), (Lines{"2:11 '=' expected the end of the line, found '='. Hint: a "
                                        "comparison is written =="}));
  EXPECT_EQ(inBody("update 3 = x"), (Lines{"2:12 '3' expected the name of a state after 'update', "
                                           "found number 3"}));
  EXPECT_EQ(inBody("update s x"), (Lines{"2:14 'x' expected '=' after 's', found name 'x'"}));
  EXPECT_EQ(inBody("if x: y = 1"),
            (Lines{"2:5 'if' there is no if statement. Hint: a value is chosen by 'a if condition "
                   "else b', element by element by where(condition, a, b)"}));
  EXPECT_EQ(inBody("for i in n:\n        y = x"),
            (Lines{"2:5 'for' there are no loops. Hint: copies of a module run one after another: "
                   "'h = repeat n: Block()', then 'h(x)'"}));
  EXPECT_EQ(inBody("param w: [n] = ones"),
            (Lines{"2:5 'param' expected a statement, found keyword 'param'. Hint: statements are "
                   "'name = value', 'update name = value' and 'return value'"}));
}

TEST(ParserErrors, Expressions) {
  EXPECT_EQ(inExpr(""), (Lines{"1:11 '' expected an expression, found the end of the line"}));
  EXPECT_EQ(inExpr("x + * 2"), (Lines{"1:16 '*' expected an expression, found '*'"}));
  EXPECT_EQ(inExpr("forward"), (Lines{"1:12 'forward' expected an expression, found keyword "
                                      "'forward'"}));
  EXPECT_EQ(inExpr("[x]"), (Lines{"1:12 '[' expected an expression, found '['. Hint: a shape or a "
                                  "pattern stands only as an argument of a call"}));
  EXPECT_EQ(inExpr("a < b < c"), (Lines{"1:18 '<' comparisons do not chain. Hint: a < b and b < "
                                        "c"}));
  EXPECT_EQ(inExpr("a == not b"), (Lines{"1:17 'not' expected an expression, found keyword "
                                         "'not'"}));
  EXPECT_EQ(inExpr("a if b"), (Lines{"1:18 '' expected 'else' after the condition, found the end "
                                     "of the line. Hint: both sides are given: a if condition else "
                                     "b"}));
  EXPECT_EQ(inExpr("a.3"), (Lines{"1:13 '.3' a number begins with a digit. Hint: write 0.3"}));
  EXPECT_EQ(inExpr("a.(b)"), (Lines{"1:14 '(' expected a member's name after '.', found '('"}));
  EXPECT_EQ(inExpr("x[]"), (Lines{"1:14 ']' expected an index such as 0, a:b or ..., found ']'"}));
  EXPECT_EQ(inExpr("x[1:2:3]"), (Lines{"1:17 ':' expected ',' or ']', found ':'"}));
  EXPECT_EQ(inExpr("x[0,]"), (Lines{"1:15 ',' a list does not end in ','"}));
  EXPECT_EQ(inExpr("f(x,)"), (Lines{"1:15 ',' a list does not end in ','"}));
  EXPECT_EQ(inExpr("f(x y)"), (Lines{"1:16 'y' expected ',' or ')', found name 'y'"}));
  EXPECT_EQ(inExpr("f(a -> b)"), (Lines{"1:16 '->' expected ',' or ')', found '->'. Hint: a "
                                        "pattern is written [before] -> [after]"}));
  EXPECT_EQ(inExpr("f([a] -> b)"), (Lines{"1:21 'b' expected a shape after '->', found name 'b'"}));
  EXPECT_EQ(inExpr("f([a] + 1)"), (Lines{"1:18 '+' expected ',' or ')', found '+'"}));
}

TEST(ParserErrors, Brackets) {
  EXPECT_EQ(inExpr("(x"), (Lines{"1:12 '(' '(' is never closed"}));
  EXPECT_EQ(inExpr("f(x"), (Lines{"1:13 '(' '(' is never closed"}));
  EXPECT_EQ(inExpr("f("), (Lines{"1:13 '(' '(' is never closed"}));
  EXPECT_EQ(inExpr("f(x,"), (Lines{"1:13 '(' '(' is never closed"}));
  EXPECT_EQ(inExpr("x[1"), (Lines{"1:13 '[' '[' is never closed"}));
  EXPECT_EQ(inExpr("x["), (Lines{"1:13 '[' '[' is never closed"}));
  EXPECT_EQ(inExpr("f([a, "), (Lines{"1:14 '[' '[' is never closed"}));
  EXPECT_EQ(inExpr("f(x])"), (Lines{"1:15 ']' expected ',' or ')', found ']'"}));
  EXPECT_EQ(inExpr("f(x))"), (Lines{"1:16 ')' ')' closes nothing"}));
  // One bracket left open does not hide the mistakes below it.
  EXPECT_EQ(errorsOf("def f(x):\n"
                     "    y = g(x,\n"
                     "    z = +\n"
                     "    return y\n"
                     "def h(x) = \n"),
            (Lines{"2:10 '(' '(' is never closed", "3:9 '+' expected an expression, found '+'",
                   "5:11 '' expected an expression, found the end of the line"}));
  Parsed far("def f(x) = g(x,\n    y\n    z)\n");
  EXPECT_EQ(far.diagnostics.render(), "test.gpt:3:5: error: expected ',' or ')', found name 'z'\n"
                                      "    3 |     z)\n"
                                      "      |     ^\n"
                                      "test.gpt:1:13: note: '(' was opened here\n"
                                      "    1 | def f(x) = g(x,\n"
                                      "      |             ^\n"
                                      "1 error\n");
}

TEST(ParserErrors, Indentation) {
  EXPECT_EQ(errorsOf("  config: a = 1\n  def f(x) = x\n"),
            (Lines{"1:3 'config' unexpected indentation: required 0 spaces, found 2 spaces"}));
  EXPECT_EQ(errorsOf("config:\n    a = 1\n      b = 2\n      c = 3\n    d = 4\n"),
            (Lines{"3:7 'b' unexpected indentation: required 4 spaces, found 6 spaces"}));
  EXPECT_EQ(errorsOf("config:\n    a = 1\n b = 2\n"),
            (Lines{"3:2 'b' indentation matches no block: required 0 spaces or 4 spaces, found 1 "
                   "space"}));
}

TEST(ParserErrors, ResumeAtTheNextLineIndentedNoDeeper) {
  EXPECT_EQ(errorsOf("modul A:\n"
                     "    this = is skipped, all (of) it\n"
                     "module B:\n"
                     "    forward(x ->\n"
                     "        so is this\n"
                     "    loss(y) = y +\n"
                     "config: n = \n"),
            (Lines{"1:1 'modul' expected config, preset, def, module or model, found name 'modul'; "
                   "did you mean module?",
                   "4:15 '->' expected ',' or ')', found '->'. Hint: a pattern is written [before] "
                   "-> [after]",
                   "6:18 '' expected an expression, found the end of the line",
                   "7:12 '' expected an expression, found the end of the line"}));
}

TEST(ParserErrors, AreSilentWhereTheLexerSpoke) {
  EXPECT_EQ(inExpr("$").size(), 1u);
  EXPECT_EQ(inExpr("f(x $ y)").size(), 1u);
  EXPECT_EQ(errorsOf("$\n").size(), 1u);
  EXPECT_EQ(inModule("$").size(), 1u);
  EXPECT_EQ(inBody("$ = 1").size(), 1u);
}

TEST(ParserErrors, NestingIsLimited) {
  auto repeat = [](const std::string &text, size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i)
      out += text;
    return out;
  };
  const std::string message = "expression too deep: at most 256 operations inside each other. "
                              "Hint: give a part of it a name";
  for (const char *nest : {"(", "-", "not ", "2^", "f(", "f([", "x[", "1 if a else ", "f(g = "}) {
    Lines errors = inExpr(repeat(nest, 100'000) + "x");
    ASSERT_EQ(errors.size(), 1u) << nest;
    EXPECT_TRUE(errors[0].ends_with(message)) << nest << errors[0];
  }
  for (const char *chain : {" + x", " * x", " and x", "(1)", ".y", "[0]"}) {
    EXPECT_EQ(inExpr("x" + repeat(chain, 255)), Lines{}) << chain;
    Lines errors = inExpr("x" + repeat(chain, 100'000));
    ASSERT_EQ(errors.size(), 1u) << chain;
    EXPECT_TRUE(errors[0].ends_with(message)) << chain;
  }
  EXPECT_EQ(inExpr(repeat("(", 255) + "x" + repeat(")", 255)), Lines{});
}

TEST(ParserErrors, HostileTextsTakeLinearTime) {
  // Each of these is about a megabyte; anything quadratic in it would run for minutes.
  std::string unclosed, mismatched, deeper, bad;
  for (int i = 0; i < 100'000; ++i)
    unclosed += "a = f(g(\n", mismatched += "([)](\n", bad += "def f(\n";
  for (int i = 0; i < 1000; ++i)
    deeper += std::string(i, ' ') + "module M:\n";
  for (const std::string &text : {unclosed, mismatched, deeper, bad})
    EXPECT_FALSE(errorsOf(text).empty());
}

} // namespace
} // namespace gptc
