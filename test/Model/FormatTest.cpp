// The formatter's layout, case by case.
#include "SyntaxTesting.h"

namespace gptc {
namespace {

using testing::formatted;

/// A statement, formatted, in a function's body.
std::string statement(const std::string &text) {
  std::string result = formatted("def f(x):\n " + text + "\n return x\n");
  size_t begin = result.find('\n') + 1, end = result.rfind("\n    return");
  return result.substr(begin + 4, end - begin - 4);
}

TEST(Format, SpacesWithinLines) {
  EXPECT_EQ(statement("y=f ( x,- 1 )+a . b [ : , 1 : n - 1 , ... ]*2 ^ - 3"),
            "y = f(x, -1) + a.b[:, 1:n - 1, ...] * 2^-3");
  EXPECT_EQ(statement("y=a if not(b==c)and d else - (e)"), "y = a if not (b == c) and d else -(e)");
  EXPECT_EQ(statement("y:int [ B ],z=g([a]->[b],k=[n,m])"),
            "y: int[B], z = g([a] -> [b], k = [n, m])");
  EXPECT_EQ(statement("y=x[:n]@x[n:]%2/-x--x"), "y = x[:n] @ x[n:] % 2 / -x - -x");
  EXPECT_EQ(statement("y=3 .z"), "y = 3 .z"); // 3.z would read as a number
  EXPECT_EQ(formatted("module M ( n ,eps=1 ) :\n h=repeat i in 2*(n):N ( i )\n"
                      " forward ( x:[ ... ,T<=n ] )->[ ],int[ ]=x\n loss (x)=x"),
            "module M(n, eps = 1):\n"
            "    h = repeat i in 2 * (n): N(i)\n"
            "    forward(x: [..., T <= n]) -> [], int[] = x\n"
            "    loss(x) = x\n");
}

TEST(Format, AlignsParametersAndStates) {
  EXPECT_EQ(formatted("module BatchNorm(n):\n"
                      "  param weight: [n] = ones\n"
                      "  param bias: [n, n] = zeros, decay = true\n"
                      "  state running_mean: [n] = zeros\n"
                      "  state var: [n] = ones\n"
                      "  forward(x) = x\n"),
            "module BatchNorm(n):\n"
            "    param weight: [n]    = ones\n"
            "    param bias:   [n, n] = zeros, decay = true\n"
            "    state running_mean: [n] = zeros\n"
            "    state var:          [n] = ones\n"
            "    forward(x) = x\n");
}

TEST(Format, AlignsMembersSettingsAndPresets) {
  EXPECT_EQ(formatted("config:\n a = 1\n long_name = 2\n b = 3, c = 4\n d = 5\n"
                      "preset small: n = 1\npreset xl: n = 2\n"
                      "module M:\n a = A()\n layers = repeat 3: B()\n\n c = C()\n"
                      " forward(x) = x\n"),
            "config:\n"
            "    a         = 1\n"
            "    long_name = 2\n"
            "    b = 3, c = 4\n"
            "    d = 5\n"
            "preset small: n = 1\n"
            "preset xl:    n = 2\n"
            "module M:\n"
            "    a      = A()\n"
            "    layers = repeat 3: B()\n"
            "\n"
            "    c = C()\n"
            "    forward(x) = x\n");
}

TEST(Format, AlignsStatementsOfOneKind) {
  EXPECT_EQ(formatted("def f(x):\n"
                      " q, k = split(x, 2)\n y = q\n long = k\n"
                      " # apart\n z = y\n"
                      " s: [n] = z\n tt: int[B, n] = z\n"
                      " update mean = x\n update v = x\n return z\n"),
            "def f(x):\n"
            "    q, k = split(x, 2)\n"
            "    y    = q\n"
            "    long = k\n"
            "    # apart\n"
            "    z = y\n"
            "    s:  [n]       = z\n"
            "    tt: int[B, n] = z\n"
            "    update mean = x\n"
            "    update v    = x\n"
            "    return z\n");
}

TEST(Format, AlignsFunctionsOfNumbersOnly) {
  EXPECT_EQ(formatted("def swiglu(gate, up)=silu(gate)*up\ndef relu2(x)=max(x,0)^2\n"
                      "def heads(x:[B,T])=x\ndef g(x: [B]) -> [B] = x\n"),
            "def swiglu(gate, up) = silu(gate) * up\n"
            "def relu2(x)         = max(x, 0)^2\n"
            "def heads(x: [B, T]) = x\n"
            "def g(x: [B]) -> [B] = x\n");
}

TEST(Format, DoesNotAlignBeyondTheWidth) {
  std::string name(100, 'n'), value(30, 'v');
  std::string text = "config:\n    a = " + value + " + " + value + "\n    " + name + " = 1\n";
  EXPECT_EQ(formatted(text), text);
}

TEST(Format, AlignsCommentsOfNeighbours) {
  EXPECT_EQ(formatted("module M:# one\n a = A() #two\n forward(x) = x      # three\n"
                      " loss(x) = x\n\nconfig: a = 1  # four\n"),
            "module M:           # one\n"
            "    a = A()         #two\n"
            "    forward(x) = x  # three\n"
            "    loss(x) = x\n"
            "\n"
            "config: a = 1  # four\n");
  std::string comment = "# " + std::string(120, 'x');
  std::string wide = "config: a = 1  " + comment + "\nconfig: aaaaaaaaaaaa = 1  # b\n";
  EXPECT_EQ(formatted(wide), wide); // aligned, the first would be over 140 wide
}

TEST(Format, IndentsCommentsWithTheirBlock) {
  EXPECT_EQ(formatted("module M:\n"
                      "# in the module\n"
                      "  forward(x):\n"
                      "      return x\n"
                      "      # still in the body\n"
                      "  # in the module again\n"
                      "# at the top\n"
                      "config: a = 1\n"
                      "  # the end\n"),
            "module M:\n"
            "    # in the module\n"
            "    forward(x):\n"
            "        return x\n"
            "        # still in the body\n"
            "    # in the module again\n"
            "# at the top\n"
            "config: a = 1\n"
            "# the end\n");
}

TEST(Format, LimitsBlankLines) {
  EXPECT_EQ(formatted("\n\n# a\n\n\n\nconfig: a = 1\n  \nconfig: b = 1\nconfig: c = 1\n\n\n"),
            "# a\n\nconfig: a = 1\n\nconfig: b = 1\nconfig: c = 1\n");
  EXPECT_EQ(formatted(""), "");
  EXPECT_EQ(formatted("\n \n"), "");
  EXPECT_EQ(formatted("# only"), "# only\n");
}

TEST(Format, JoinsLinesThatFit) { EXPECT_EQ(statement("y = f(\n   a,\n   b\n )"), "y = f(a, b)"); }

TEST(Format, BreaksTheLastBracketFirst) {
  std::string a(60, 'a'), b(60, 'b');
  EXPECT_EQ(statement("y = f(x) + g(" + a + ", " + b + ")"),
            "y = f(x) + g(" + a + ", " + b + ")"); // 140 wide with its indent
  EXPECT_EQ(statement("yy = f(x) + g(" + a + ", " + b + ")"),
            "yy = f(x) + g(\n        " + a + ", " + b + "\n    )");
}

TEST(Format, BreaksAtCommasThenOperatorsThenDeeper) {
  std::string a(70, 'a'), b(70, 'b'), c(70, 'c');
  EXPECT_EQ(statement("y = f(" + a + ", k = " + b + ")"),
            "y = f(\n        " + a + ",\n        k = " + b + "\n    )");
  EXPECT_EQ(statement("y = f(1, " + a + " * 2 + " + b + " - 3)"),
            "y = f(\n        1,\n        " + a + " * 2\n            + " + b +
                "\n            - 3\n    )");
  EXPECT_EQ(statement("y = f(g(" + a + ", " + b + "), " + c + ")"),
            "y = f(\n        g(\n            " + a + ",\n            " + b + "\n        ),\n" +
                "        " + c + "\n    )");
  EXPECT_EQ(statement("y = f([" + a + "] -> [" + b + "])"),
            "y = f(\n        [" + a + "]\n            -> [" + b + "]\n    )");
}

TEST(Format, LeavesLongLinesWithoutBrackets) {
  std::string text = "config: a = " + std::string(200, 'b') + " + 1\n";
  EXPECT_EQ(formatted(text), text);
}

TEST(Format, KeepsCommentsInsideBrackets) {
  std::string text = "def f(x) = g(  # first\n"
                     "    a,  # second\n"
                     "    # third\n"
                     "    b\n"
                     "    # fourth\n"
                     ")  # fifth\n";
  EXPECT_EQ(formatted("def f(x)=g( # first\n  a,# second\n# third\n  b\n# fourth\n )# fifth"),
            text);
  EXPECT_EQ(formatted(text), text);
  EXPECT_EQ(formatted("def f(x) = g(a # c\n, b)"), "def f(x) = g(\n    a  # c\n    ,\n    b\n)\n");
  EXPECT_EQ(formatted("def f(x) = g(# c\n)"), "def f(x) = g(  # c\n)\n");
}

TEST(Format, ReportsSyntaxErrorsAndFormatsNothing) {
  SourceFile source("test.gpt", "def f(x) = \nconfig: a = \n");
  DiagnosticEngine diagnostics;
  EXPECT_EQ(formatSource(source, diagnostics), std::nullopt);
  EXPECT_EQ(diagnostics.errorCount(), 2u);
}

} // namespace
} // namespace gptc
