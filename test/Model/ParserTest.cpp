// What the grammar accepts, and the trees it yields.
#include "SyntaxTesting.h"

namespace gptc {
namespace {

using testing::Parsed;
using testing::treeOf;

/// An expression, fully parenthesised.
std::string grouped(const ast::Expr &expr) {
  switch (expr.kind()) {
  case ast::ExprKind::Unary: {
    const auto &unary = ast::cast<ast::UnaryExpr>(expr);
    return std::string("(") + spelling(unary.op) + " " + grouped(*unary.operand) + ")";
  }
  case ast::ExprKind::Binary: {
    const auto &binary = ast::cast<ast::BinaryExpr>(expr);
    return "(" + grouped(*binary.lhs) + " " + spelling(binary.op) + " " + grouped(*binary.rhs) +
           ")";
  }
  case ast::ExprKind::Conditional: {
    const auto &conditional = ast::cast<ast::ConditionalExpr>(expr);
    return "(" + grouped(*conditional.value) + " if " + grouped(*conditional.condition) + " else " +
           grouped(*conditional.otherwise) + ")";
  }
  case ast::ExprKind::Member: {
    const auto &member = ast::cast<ast::MemberExpr>(expr);
    return "(" + grouped(*member.object) + " . " + member.member.text + ")";
  }
  default:
    return std::string(expr.range.text());
  }
}

std::string grouped(const std::string &text) {
  SourceFile source("--set n", text, SourceFile::Kind::Argument);
  DiagnosticEngine diagnostics;
  ast::ExprPtr expr = parseExpression(source, diagnostics);
  EXPECT_EQ(diagnostics.render(), "");
  return expr ? grouped(*expr) : "";
}

TEST(Parser, OperatorsBindAsInPython) {
  EXPECT_EQ(grouped("a + b * c - d"), "((a + (b * c)) - d)");
  EXPECT_EQ(grouped("a - b - c"), "((a - b) - c)");
  EXPECT_EQ(grouped("a / b @ c % d"), "(((a / b) @ c) % d)");
  EXPECT_EQ(grouped("-x^2"), "(- (x ^ 2))");
  EXPECT_EQ(grouped("2^-x^y"), "(2 ^ (- (x ^ y)))");
  EXPECT_EQ(grouped("--x * y"), "((- (- x)) * y)");
  EXPECT_EQ(grouped("a.b.c^2"), "(((a . b) . c) ^ 2)");
  EXPECT_EQ(grouped("not a < b + 1 and c or d"), "(((not (a < (b + 1))) and c) or d)");
  EXPECT_EQ(grouped("not not a"), "(not (not a))");
  EXPECT_EQ(grouped("a or b and c"), "(a or (b and c))");
  EXPECT_EQ(grouped("a if b or c else d if e else f"), "(a if (b or c) else (d if e else f))");
  EXPECT_EQ(grouped("a == b if c != d else e >= f"), "((a == b) if (c != d) else (e >= f))");
}

TEST(Parser, ParenthesesGroupAndLeaveNoNode) {
  EXPECT_EQ(treeOf("def f(x) = (a + (b)) * c"), treeOf("def f(x) = (a + b) * ((c))"));
  SourceFile source("--set n", "(a + b) * c", SourceFile::Kind::Argument);
  DiagnosticEngine diagnostics;
  ast::ExprPtr expr = parseExpression(source, diagnostics);
  EXPECT_EQ(ast::cast<ast::BinaryExpr>(*expr).lhs->range.text(), "(a + b)");
  EXPECT_EQ(expr->range.text(), "(a + b) * c");
}

TEST(Parser, ReadsCallsShapesAndPatterns) {
  EXPECT_EQ(treeOf("def f(x) = g.h(x, [a, 2 * b], p = [..., n] -> [n], q = -1)"), R"(file
  def f
    input x
    body
      return
        call
          member h
            name g
          argument
            name x
          argument
            shape
              size
                name a
              size
                binary *
                  number 2
                  name b
          argument p
            shape
              ...
              size
                name n
            to
            shape
              size
                name n
          argument q
            unary -
              number 1
)");
}

TEST(Parser, ReadsIndices) {
  EXPECT_EQ(treeOf("def f(x) = x[..., :, a:, :b, a:b + 1, 0]"), R"(file
  def f
    input x
    body
      return
        index
          name x
          ...
          slice
          slice
            lower
              name a
          slice
            upper
              name b
          slice
            lower
              name a
            upper
              binary +
                name b
                number 1
          position
            number 0
)");
}

TEST(Parser, ReadsSignatures) {
  EXPECT_EQ(treeOf("def f(x: [B, T <= n], i: int[], eps = 1e-5) -> [B], int[B] = x"), R"(file
  def f
    input x
      type
        shape
          size
            name B
          size
            name T
            limit
              name n
    input i
      type int
        shape
    input eps
      default
        number 1e-05
    result
      type
        shape
          size
            name B
    result
      type int
        shape
          size
            name B
    body
      return
        name x
)");
}

TEST(Parser, ReadsModules) {
  EXPECT_EQ(treeOf(R"(
module M(n, eps = 1):
    param w: [n] = normal(1), decay = true
    state s: [] = zeros
    one = Linear(n, 2)
    many = repeat i in 2 * n: Block(i)
    same = repeat n: Block()
    forward(x):
        a, b: [n] = split(x, 2)
        a, b = b, a
        update s = a
        return a, b
    loss(y) = y
)"),
            R"(file
  module M
    input n
    input eps
      default
        number 1
    param w
      shape
        size
          name n
      call
        name normal
        argument
          number 1
      setting decay
        name true
    state s
      shape
      name zeros
    submodule one Linear
      argument
        name n
      argument
        number 2
    submodule many Block
      repeat i
        binary *
          number 2
          name n
      argument
        name i
    submodule same Block
      repeat
        name n
    function forward
      input x
      body block
        assign
          target a
          target b
            type
              shape
                size
                  name n
          call
            name split
            argument
              name x
            argument
              number 2
        assign
          target a
          target b
          name b
          name a
        update s
          name a
        return
          name a
          name b
    function loss
      input y
      body
        return
          name y
)");
}

TEST(Parser, SettingsStandOnOneLineOrInABlock) {
  std::string block = treeOf("config:\n  a = 1, b = 2\n  c = 3\npreset p:\n  a = 2");
  EXPECT_EQ(block, treeOf("config: a = 1, b = 2, c = 3\npreset p: a = 2"));
  EXPECT_EQ(block, "file\n"
                   "  config\n"
                   "    setting a\n      number 1\n"
                   "    setting b\n      number 2\n"
                   "    setting c\n      number 3\n"
                   "  preset p\n"
                   "    setting a\n      number 2\n");
}

TEST(Parser, DeclarationsStayInSourceOrder) {
  EXPECT_EQ(treeOf("def f(x) = x\nconfig: a = 1\ndef g(x) = x\n").find("config"),
            treeOf("def f(x) = x\n").size() + 2);
}

TEST(Parser, RangesCoverTheirText) {
  Parsed parsed("config: a = 1\n"
                "module M(n):  # c\n"
                "    param w: [n, 2] = normal(1), decay = true\n"
                "    h = repeat i in n: Block(i, 2)\n"
                "    forward(x: int[B], k = 2) -> [B]:\n"
                "        a, b: [B] = f(x), 1\n"
                "        update s = a\n"
                "        return a\n");
  EXPECT_EQ(parsed.diagnostics.render(), "");
  const ast::Module &module = parsed.file->modules[0];
  EXPECT_TRUE(module.range.text().starts_with("module M"));
  EXPECT_TRUE(module.range.text().ends_with("return a"));
  const auto &param = std::get<ast::TensorMember>(module.members[0]);
  EXPECT_EQ(param.range.text(), "param w: [n, 2] = normal(1), decay = true");
  EXPECT_EQ(param.shape.range.text(), "[n, 2]");
  EXPECT_EQ(param.options[0].range.text(), "decay = true");
  const auto &member = std::get<ast::SubmoduleMember>(module.members[1]);
  EXPECT_EQ(member.range.text(), "h = repeat i in n: Block(i, 2)");
  EXPECT_EQ(member.repeat->range.text(), "repeat i in n");
  EXPECT_EQ(member.callRange.text(), "Block(i, 2)");
  const ast::Function &forward = *module.forward;
  EXPECT_EQ(forward.name.range.text(), "forward");
  EXPECT_EQ(forward.signature.range.text(), "(x: int[B], k = 2) -> [B]");
  EXPECT_EQ(forward.signature.inputs[0].range.text(), "x: int[B]");
  EXPECT_EQ(forward.signature.inputs[0].type->range.text(), "int[B]");
  EXPECT_EQ(forward.signature.inputs[1].range.text(), "k = 2");
  EXPECT_EQ(forward.body.resultsRange.text(), "return a");
  const auto &assignment = std::get<ast::Assignment>(forward.body.statements[0]);
  EXPECT_EQ(assignment.range.text(), "a, b: [B] = f(x), 1");
  EXPECT_EQ(assignment.targets[1].range.text(), "b: [B]");
  const auto &call = ast::cast<ast::CallExpr>(*assignment.values[0]);
  EXPECT_EQ(call.range.text(), "f(x)");
  EXPECT_EQ(call.argumentsRange.text(), "(x)");
  EXPECT_EQ(std::get<ast::Update>(forward.body.statements[1]).range.text(), "update s = a");
  ASSERT_EQ(parsed.file->comments.size(), 1u);
  EXPECT_EQ(parsed.file->comments[0].range.text(), "# c");
}

TEST(Parser, FindsTheModel) {
  Parsed parsed("module A:\n    forward(x) = x\nmodel B:\n    forward(x) = x\n",
                {.requireModel = true});
  EXPECT_EQ(parsed.diagnostics.render(), "");
  ASSERT_NE(parsed.file->model(), nullptr);
  EXPECT_EQ(parsed.file->model()->name.text, "B");
  EXPECT_EQ(Parsed("").file->model(), nullptr);
}

TEST(Parser, KeepsWhatItCouldRead) {
  Parsed parsed("config: a = 1, b = , c = 3\n"
                "def f(x) = x +\n"
                "module M:\n"
                "    param w: [n] =\n"
                "    forward(x):\n"
                "        y = x *\n"
                "        return y\n");
  EXPECT_EQ(parsed.diagnostics.errorCount(), 4u);
  EXPECT_EQ(ast::dump(*parsed.file), "file\n"
                                     "  config incomplete\n"
                                     "    setting a\n      number 1\n"
                                     "    setting b\n      error\n"
                                     "  def f\n"
                                     "    input x\n"
                                     "    body incomplete\n"
                                     "      return\n"
                                     "  module M incomplete\n"
                                     "    param w\n"
                                     "      shape\n        size\n          name n\n"
                                     "      error\n"
                                     "    function forward\n"
                                     "      input x\n"
                                     "      body block incomplete\n"
                                     "        assign\n          target y\n          error\n"
                                     "        return\n          name y\n");
  EXPECT_TRUE(parsed.file->incomplete);
}

TEST(ParseExpression, ReadsValuesOfTheCommandLine) {
  EXPECT_EQ(grouped(" 64 * 4 "), "(64 * 4)");
  auto errors = [](const std::string &text) {
    SourceFile source("--set n=" + text, text, SourceFile::Kind::Argument);
    DiagnosticEngine diagnostics;
    EXPECT_EQ(parseExpression(source, diagnostics), nullptr);
    return diagnostics.render();
  };
  EXPECT_EQ(errors(""), "--set n=: error: expected an expression, found the end\n"
                        "1 error\n");
  EXPECT_EQ(errors("4 +"), "--set n=4 +: error: expected an expression, found the end\n1 error\n");
  EXPECT_EQ(errors("4 5"), "--set n=4 5: error: expected the end, found number 5\n1 error\n");
  EXPECT_EQ(errors("4\n5"), "--set n=4\n5: error: expected one expression, found a second line\n"
                            "1 error\n");
  EXPECT_EQ(errors("$"), "--set n=$: error: unexpected character '$'\n1 error\n");
}

} // namespace
} // namespace gptc
