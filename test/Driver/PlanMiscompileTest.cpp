// Miscompiles of a plan: its commands, its views, its buffers.
#include "Miscompile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace gptc;
using namespace gptc::test;

static constexpr StringLiteral entry = "accumulate_first";
static constexpr const char *lower = "gpt-lower-to-plan";
static constexpr const char *generate = "plan-generate-matmuls";
static constexpr const char *share = "plan-share-operands";
static constexpr const char *merge = "plan-merge-launches";
static constexpr const char *assign = "plan-assign-buffers";

static plan::MatmulOp findMatmul(ModuleOp module, StringRef from, int number,
                                 llvm::function_ref<bool(plan::MatmulOp)> isOne) {
  return find<plan::MatmulOp>(module, from, number, isOne);
}

/// A product of scores or values, by heads.
static plan::MatmulOp findBatched(ModuleOp module, int number) {
  return findMatmul(module, entry, number,
                    [](plan::MatmulOp op) { return !op.getBatch().empty(); });
}

/// A product with a square weight.
static plan::MatmulOp findSquare(ModuleOp module) {
  return findMatmul(module, entry, 0, [](plan::MatmulOp op) {
    return op.getBatch().empty() && op.getN() == 16 && op.getK() == 16;
  });
}

static plan::ViewAttr moved(plan::ViewAttr view, int64_t elements) {
  return plan::ViewAttr::get(view.getContext(), view.getBuffer(), view.getOffset() + elements);
}

/// Replaces an operand of a launch's instance.
static void setView(plan::LaunchOp launch, size_t instance, size_t operand, Attribute view) {
  SmallVector<Attribute> instances(launch.getInstances().getValue());
  SmallVector<Attribute> views(cast<ArrayAttr>(instances[instance]).getValue());
  views[operand] = view;
  instances[instance] = ArrayAttr::get(launch.getContext(), views);
  launch.setInstancesAttr(ArrayAttr::get(launch.getContext(), instances));
}

static plan::ViewAttr getView(plan::LaunchOp launch, size_t instance, size_t operand) {
  return cast<plan::ViewAttr>(cast<ArrayAttr>(launch.getInstances()[instance])[operand]);
}

static bool swapViews(plan::LaunchOp launch, size_t instance, size_t one, size_t other) {
  if (!launch)
    return false;
  plan::ViewAttr first = getView(launch, instance, one), second = getView(launch, instance, other);
  setView(launch, instance, one, second);
  setView(launch, instance, other, first);
  return first != second;
}

static plan::KernelOp kernelOf(plan::LaunchOp launch) {
  return launch->getParentOfType<ModuleOp>().lookupSymbol<plan::KernelOp>(launch.getKernel());
}

/// A launch of a kernel with a layer norm's weight and bias, which are alike.
static plan::LaunchOp findNorm(ModuleOp module, int number) {
  return find<plan::LaunchOp>(module, entry, number, [](plan::LaunchOp launch) {
    auto layouts = kernelOf(launch).getLayouts();
    return layouts.size() >= 9 && layouts[3] == layouts[4];
  });
}

static plan::LaunchOp findMerged(ModuleOp module, StringRef from) {
  return find<plan::LaunchOp>(
      module, from, 0, [](plan::LaunchOp launch) { return launch.getInstances().size() >= 2; });
}

/// A launch that overwrites an input; the number of the operand that it reads and writes.
static plan::LaunchOp findInPlace(ModuleOp module, int number, unsigned &input) {
  return find<plan::LaunchOp>(module, entry, number, [&](plan::LaunchOp launch) {
    for (int64_t place : kernelOf(launch).getInPlace())
      if (place >= 0) {
        input = place;
        return true;
      }
    return false;
  });
}

static plan::BufferOp bufferOf(ModuleOp module, plan::ViewAttr view) {
  return module.lookupSymbol<plan::BufferOp>(view.getBuffer().getValue());
}

static plan::TensorOp findTensor(ModuleOp module, StringRef name) {
  for (auto tensor : module.getOps<plan::TensorOp>())
    if (tensor.getName() == name)
      return tensor;
  return {};
}

/// Puts a tensor's buffer where another's is.
static bool overlay(ModuleOp module, StringRef name, StringRef other) {
  plan::BufferOp own = bufferOf(module, findTensor(module, name).getPlace()),
                 place = bufferOf(module, findTensor(module, other).getPlace());
  own.setOffset(*place.getOffset());
  return true;
}

static const Miscompile lowering[] = {
    {"LaunchLeftOut",
     "gpt2",
     lower,
     [](ModuleOp module) {
       find<plan::LaunchOp>(module, entry, 4).erase();
       return true;
     },
     "",
     {},
     Optimizer::adamw,
     {"gpt-fuse-epilogues"}},
    {"MatmulLeftOut", "gpt2", lower,
     [](ModuleOp module) {
       findSquare(module).erase();
       return true;
     }},
    {"WeightAndBiasSwapped", "gpt2", lower,
     [](ModuleOp module) { return swapViews(findNorm(module, 0), 0, 3, 4); }, "plan."},
    {"ViewMovedByARow",
     "gpt2",
     lower,
     [](ModuleOp module) {
       plan::MatmulOp scores = findBatched(module, 0);
       scores.setRhsAttr(moved(scores.getRhs(), -scores.getStrides()[1] / 3));
       return true;
     },
     "plan.",
     {},
     Optimizer::adamw,
     {"gpt-form-flash-attention"}},
    {"ProductTurnedAround",
     "gpt2",
     lower,
     [](ModuleOp module) {
       plan::MatmulOp scores = findBatched(module, 0);
       plan::ViewAttr lhs = scores.getLhs();
       scores.setLhsAttr(scores.getRhs());
       scores.setRhsAttr(lhs);
       return true;
     },
     "plan.",
     {},
     Optimizer::adamw,
     {"gpt-form-flash-attention"}},
    {"Stride",
     "gpt2",
     lower,
     [](ModuleOp module) {
       plan::MatmulOp scores = findBatched(module, 0);
       SmallVector<int64_t> strides(scores.getStrides());
       strides[0] /= 3;
       scores.setStrides(strides);
       return true;
     },
     "plan.",
     {},
     Optimizer::adamw,
     {"gpt-form-flash-attention"}},
    {"BatchStride",
     "gpt2",
     lower,
     [](ModuleOp module) {
       plan::MatmulOp scores = findBatched(module, 0);
       SmallVector<Attribute> batch(scores.getBatch().getValue());
       auto heads = cast<plan::BatchAxisAttr>(batch[1]);
       batch[1] = plan::BatchAxisAttr::get(module.getContext(), heads.getSize(), 0,
                                           heads.getRhsStride(), heads.getResultStride());
       scores.setBatchAttr(ArrayAttr::get(module.getContext(), batch));
       return true;
     },
     "plan.",
     {},
     Optimizer::adamw,
     {"gpt-form-flash-attention"}},
    {"ProductAccumulates", "gpt2", lower,
     [](ModuleOp module) {
       return setFlag(
           findMatmul(module, entry, 0, [](plan::MatmulOp op) { return op.getTransposeLhs(); }),
           "accumulate", true);
     },
     "accumulate"},
    {"ProductOverwrites", "gpt2", lower,
     [](ModuleOp module) {
       return setFlag(findMatmul(module, "accumulate_middle", 0,
                                 [](plan::MatmulOp op) { return op.getAccumulate(); }),
                      "accumulate", false);
     },
     "plan.matmul"},
    {"ProductTransposed", "gpt2", lower,
     [](ModuleOp module) { return setFlag(findSquare(module), "transpose_rhs", true); }, "plan."},
    {"RowsOneShort",
     "gpt2",
     lower,
     [](ModuleOp module) {
       plan::LaunchOp launch = findNorm(module, 1);
       launch.setRows({launch.getRows().front() - 1});
       return true;
     },
     "plan.",
     {},
     Optimizer::adamw,
     {"gpt-fuse-epilogues"}},
    {"KernelAccumulates", "mlp", lower,
     [](ModuleOp module) {
       auto launch = find<plan::LaunchOp>(module, entry, 0, [](plan::LaunchOp launch) {
         return kernelOf(launch).getSchedule() == "column";
       });
       kernelOf(launch).setAccumulate({true});
       return true;
     },
     "plan."},
    {"TensorsBoundToEachOther", "gpt2", lower,
     [](ModuleOp module) {
       plan::TensorOp one = findTensor(module, "transformer.h.0.ln_1.bias"),
                      other = findTensor(module, "transformer.h.1.ln_1.bias");
       plan::ViewAttr place = one.getPlace();
       one.setPlaceAttr(other.getPlace());
       other.setPlaceAttr(place);
       return true;
     }},
    {"StaleBuffer",
     "gpt2",
     lower,
     [](ModuleOp module) {
       // A later norm reads what an earlier one left.
       plan::LaunchOp earlier = findNorm(module, 1), later = findNorm(module, 2);
       setView(later, 0, 0, getView(earlier, 0, 0));
       return true;
     },
     "plan.",
     {},
     Optimizer::adamw,
     {"gpt-fuse-epilogues"}},
    {"ConstantInKernel", "gpt2", lower,
     [](ModuleOp module) {
       bool changed = false;
       module.walk([&](arith::ConstantOp op) {
         auto value = dyn_cast<FloatAttr>(op.getValue());
         if (!value || std::abs(value.getValueAsDouble() - 0.044715) > 1e-6)
           return;
         op.setValueAttr(FloatAttr::get(op.getType(), 0.0457));
         changed = true;
       });
       return changed;
     }},
    {"ConsumerFirst", "gpt2", lower,
     [](ModuleOp module) {
       plan::MatmulOp product = findSquare(module);
       product->moveBefore(&product->getBlock()->front());
       return true;
     },
     "plan."},
};

static const Miscompile buffers[] = {
    {"StaleInput",
     "gpt2",
     share,
     [](ModuleOp module) {
       // The output goes elsewhere, and its readers find the input.
       unsigned input;
       plan::LaunchOp launch = findInPlace(module, 0, input);
       plan::ViewAttr view = getView(launch, 0, input);
       OpBuilder builder(bufferOf(module, view));
       auto elsewhere = cast<plan::BufferOp>(builder.clone(*bufferOf(module, view)));
       elsewhere.setSymName("elsewhere");
       auto other = plan::ViewAttr::get(module.getContext(), FlatSymbolRefAttr::get(elsewhere),
                                        view.getOffset());
       bool written = false;
       for (size_t operand = kernelOf(launch).getBody().getNumArguments();
            operand < kernelOf(launch).getLayouts().size(); ++operand)
         if (getView(launch, 0, operand) == view) {
           setView(launch, 0, operand, other);
           written = true;
         }
       return written;
     },
     "plan.",
     {},
     Optimizer::adamw,
     {"gpt-fuse-epilogues"}},
    {"ReadBehindOverwriting",
     "gpt2",
     share,
     [](ModuleOp module) {
       // A product that reads what the next launch overwrites comes behind that launch.
       unsigned input;
       for (int number = 0; plan::LaunchOp launch = findInPlace(module, number, input); ++number)
         if (auto matmul = dyn_cast_or_null<plan::MatmulOp>(launch->getPrevNode());
             matmul &&
             llvm::is_contained({matmul.getLhs(), matmul.getRhs()}, getView(launch, 0, input))) {
           matmul->moveAfter(launch);
           return true;
         }
       return false;
     },
     "plan.",
     {},
     Optimizer::adamw,
     {"gpt-fuse-epilogues", "gpt-form-flash-attention"}},
    {"InstanceLeftOut", "gpt2", merge,
     [](ModuleOp module) {
       plan::LaunchOp launch = findMerged(module, "update");
       SmallVector<Attribute> instances(launch.getInstances().getValue());
       SmallVector<int64_t> rows(launch.getRows());
       instances.pop_back();
       rows.pop_back();
       launch.setInstancesAttr(ArrayAttr::get(module.getContext(), instances));
       launch.setRows(rows);
       return true;
     },
     "plan.launch"},
    {"InstancesMixed", "gpt2", merge,
     [](ModuleOp module) {
       auto launch = find<plan::LaunchOp>(module, "update", 0, [](plan::LaunchOp launch) {
         return launch.getInstances().size() >= 2 &&
                cast<ArrayAttr>(launch.getInstances()[0]).size() > 5;
       });
       plan::ViewAttr first = getView(launch, 0, 0), second = getView(launch, 1, 0);
       setView(launch, 0, 0, second);
       setView(launch, 1, 0, first);
       return first != second;
     },
     "are not all 0"}, // one variable's elements come to lie in another's pads
    {"MovedAheadOfItsInput",
     "gpt2",
     merge,
     [](ModuleOp module) {
       plan::LaunchOp launch = findNorm(module, 1);
       launch->moveBefore(launch->getPrevNode());
       return true;
     },
     "plan.",
     {},
     Optimizer::adamw,
     {"gpt-fuse-epilogues"}},
    {"GeneratedWithAnotherTranspose", "gpt2", generate,
     [](ModuleOp module) {
       plan::MatmulOp op = findSquare(module);
       op.setTransposeRhs(!op.getTransposeRhs());
       return op.getGenerated();
     },
     "plan."},
    {"OfOtherRows", "gpt2", merge,
     [](ModuleOp module) {
       plan::LaunchOp launch = findMerged(module, "update");
       SmallVector<int64_t> rows(launch.getRows());
       std::rotate(rows.begin(), rows.begin() + 1, rows.end());
       rows.back() = 0;
       launch.setRows(rows);
       return true;
     }},
    {"LivingBuffersOverlap", "gpt2", assign,
     [](ModuleOp module) {
       plan::LaunchOp norm = findNorm(module, 0);
       plan::BufferOp one = bufferOf(module, getView(norm, 0, 5)),
                      other = bufferOf(module, getView(norm, 0, 8));
       one.setSegment(other.getSegment());
       one.setOffset(*other.getOffset());
       return one != other;
     },
     "plan."},
    {"ParametersOverlap", "gpt2", assign,
     [](ModuleOp module) {
       return overlay(module, "transformer.h.0.ln_1.weight", "transformer.h.1.ln_1.weight");
     }},
    {"GradientsOverlap", "mlp", assign,
     [](ModuleOp module) {
       return overlay(module, "gradient:hidden.bias", "gradient:output.bias");
     }},
    {"OffByALine", "mlp", assign,
     [](ModuleOp module) {
       plan::BufferOp buffer =
           bufferOf(module, findTensor(module, "moment1:hidden.bias").getPlace());
       buffer.setOffset(*buffer.getOffset() + 64);
       return true;
     }},
};

class PlanMiscompile : public testing::TestWithParam<Miscompile> {};
TEST_P(PlanMiscompile, IsCaught) { expectCaught(GetParam()); }
static std::string testName(const testing::TestParamInfo<Miscompile> &info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Lowering, PlanMiscompile, testing::ValuesIn(lowering), testName);
INSTANTIATE_TEST_SUITE_P(Buffers, PlanMiscompile, testing::ValuesIn(buffers), testName);
