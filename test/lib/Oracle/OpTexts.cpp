// The operations of the fixtures, written in the gpt dialect.
#include "test/lib/Oracle/OpCases.h"
#include "test/lib/Oracle/TextBuilder.h"

#include <functional>
#include <map>

using namespace gptc;
using namespace gptc::test;

using Writer = std::function<void(TextBuilder &)>;

/// A map of all inputs, in alphabetical order, with a region that computes %y of %a, %b and %c.
static Writer elementwise(const std::string &region) {
  return [region](TextBuilder &t) { t.map("out_y", t.inputs(), t.output(), region); };
}

/// An elementwise function of one input in scalar operations: `math.exp %a`.
static Writer unary(const std::string &operation) {
  return elementwise("%y = " + operation + " : REAL");
}

static Writer compare(const std::string &predicate) {
  return elementwise("%t = arith.cmpf " + predicate +
                     ", %a, %b : REAL\n"
                     "%y = arith.uitofp %t : i1 to REAL");
}

static const std::map<std::string, Writer> &getElementwise() {
  static const std::string one = "%one = arith.constant 1.0 : REAL\n";
  static const std::string zero = "%zero = arith.constant 0.0 : REAL\n";
  static const std::string half = "%half = arith.constant 0.5 : REAL\n";
  static const std::map<std::string, Writer> writers{
      {"exp", unary("math.exp %a")},
      {"log", unary("math.log %a")},
      {"sqrt", unary("math.sqrt %a")},
      {"rsqrt", unary("math.rsqrt %a")},
      {"sin", unary("math.sin %a")},
      {"cos", unary("math.cos %a")},
      {"tanh", unary("math.tanh %a")},
      {"erf", unary("math.erf %a")},
      {"abs", unary("math.absf %a")},
      {"square", unary("arith.mulf %a, %a")},
      {"power", unary("math.powf %a, %b")},
      {"add", unary("arith.addf %a, %b")},
      {"subtract", unary("arith.subf %a, %b")},
      {"multiply", unary("arith.mulf %a, %b")},
      {"divide", unary("arith.divf %a, %b")},
      {"max", unary("arith.maximumf %a, %b")},
      {"min", unary("arith.minimumf %a, %b")},
      {"==", compare("oeq")},
      {"!=", compare("une")},
      {"<", compare("olt")},
      {"<=", compare("ole")},
      {">", compare("ogt")},
      {">=", compare("oge")},
      {"max_zero", elementwise(zero + "%y = arith.maximumf %a, %zero : REAL")},
      {"min_zero", elementwise(zero + "%y = arith.minimumf %a, %zero : REAL")},
      {"relu", elementwise(zero + "%y = arith.maximumf %a, %zero : REAL")},
      {"where", elementwise(zero + "%t = arith.cmpf une, %c, %zero : REAL\n"
                                   "%y = arith.select %t, %a, %b : REAL")},
      {"cube", elementwise("%n = arith.constant 3 : i32\n%y = math.fpowi %a, %n : REAL, i32")},
      {"inverse_square",
       elementwise("%n = arith.constant -2 : i32\n%y = math.fpowi %a, %n : REAL, i32")},
      {"lerp", elementwise("%d = arith.subf %b, %a : REAL\n"
                           "%y = math.fma %c, %d, %a : REAL")},
      {"sigmoid", elementwise(one + "%n = arith.negf %a : REAL\n"
                                    "%e = math.exp %n : REAL\n"
                                    "%s = arith.addf %one, %e : REAL\n"
                                    "%y = arith.divf %one, %s : REAL")},
      {"silu", elementwise(one + "%n = arith.negf %a : REAL\n"
                                 "%e = math.exp %n : REAL\n"
                                 "%s = arith.addf %one, %e : REAL\n"
                                 "%y = arith.divf %a, %s : REAL")},
      {"gelu", elementwise(one + half +
                           "%r = arith.constant 0.70710678118654752440 : REAL\n"
                           "%s = arith.mulf %a, %r : REAL\n"
                           "%e = math.erf %s : REAL\n"
                           "%p = arith.addf %one, %e : REAL\n"
                           "%h = arith.mulf %half, %a : REAL\n"
                           "%y = arith.mulf %h, %p : REAL")},
      {"gelu_tanh", elementwise(one + half +
                                "%n = arith.constant 3 : i32\n"
                                "%k = arith.constant 0.044715 : REAL\n"
                                "%q = arith.constant 0.79788456080286535588 : REAL\n"
                                "%x3 = math.fpowi %a, %n : REAL, i32\n"
                                "%x4 = math.fma %k, %x3, %a : REAL\n"
                                "%x5 = arith.mulf %q, %x4 : REAL\n"
                                "%e = math.tanh %x5 : REAL\n"
                                "%p = arith.addf %one, %e : REAL\n"
                                "%h = arith.mulf %half, %a : REAL\n"
                                "%y = arith.mulf %h, %p : REAL")},
      {"softplus", elementwise(zero + "%m = arith.maximumf %a, %zero : REAL\n"
                                      "%b0 = math.absf %a : REAL\n"
                                      "%n = arith.negf %b0 : REAL\n"
                                      "%e = math.exp %n : REAL\n"
                                      "%l = math.log1p %e : REAL\n"
                                      "%y = arith.addf %m, %l : REAL")},
  };
  return writers;
}

std::string gptc::test::getBodyText(const OpCase &opCase, const std::string &real) {
  TextBuilder text(opCase, real);
  const std::map<std::string, Writer> &simple = getElementwise();
  auto found = simple.find(opCase.op);
  // `max` and `min` are reductions where they have a pattern.
  if (found != simple.end() && !opCase.attributes.contains("pattern"))
    found->second(text);
  else if (!writeShapeOp(text) && !writeRowOp(text) && !writeOptimizerOp(text))
    return "";
  return text.take();
}
