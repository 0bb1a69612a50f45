// The kernels of Kernels.c in CUDA C++, a thread a row. `o` holds the operands' addresses; the
// entry points around these functions are written by CudaTestPlan.cpp.
#include "gptc_device.h"

enum { epilogue_columns = 5, epilogue_stride = 7 };
enum { vocabulary = 5, sequence_size = 4, positions = 8, table_stride = 8, logits_stride = 7 };

GPTC_DEVICE const float *floats(const gptc_u64 *o, int i) {
  return gptc_address<const float>(o[i]);
}
GPTC_DEVICE const gptc_i32 *ints(const gptc_u64 *o, int i) {
  return gptc_address<const gptc_i32>(o[i]);
}
GPTC_DEVICE float *target(const gptc_u64 *o, int i) { return gptc_address<float>(o[i]); }

GPTC_DEVICE void row_test_forward(const gptc_u64 *o, gptc_i64 p) {
  for (int v = 0; v < vocabulary; ++v)
    target(o, 2)[p * logits_stride + v] = floats(o, 1)[ints(o, 0)[p] * table_stride + v];
}

GPTC_DEVICE void row_test_forward_last(const gptc_u64 *o, gptc_i64 b) {
  gptc_i32 token = ints(o, 0)[b * sequence_size + sequence_size - 1];
  for (int v = 0; v < vocabulary; ++v)
    target(o, 2)[b * vocabulary + v] = floats(o, 1)[token * table_stride + v];
}

/// The largest logit and the sum of the exponentials.
GPTC_DEVICE void softmax_of(const float *row, float &largest, float &sum) {
  largest = row[0];
  sum = 0;
  for (int v = 1; v < vocabulary; ++v)
    largest = gptc_maxnum(largest, row[v]);
  for (int v = 0; v < vocabulary; ++v)
    sum += gptc_exp(row[v] - largest);
}

GPTC_DEVICE void row_test_losses(const gptc_u64 *o, gptc_i64 p) {
  const float *row = floats(o, 0) + p * logits_stride;
  float largest, sum;
  softmax_of(row, largest, sum);
  target(o, 2)[p] = gptc_log(sum) + largest - row[ints(o, 1)[p]];
}

GPTC_DEVICE float mean_of(const float *losses) {
  float sum = 0;
  for (int p = 0; p < positions; ++p)
    sum += losses[p];
  return sum / positions;
}
GPTC_DEVICE void row_test_mean(const gptc_u64 *o, gptc_i64) {
  *target(o, 2) = mean_of(floats(o, 0)) * *floats(o, 1);
}
GPTC_DEVICE void row_test_mean_add(const gptc_u64 *o, gptc_i64) {
  *target(o, 2) += mean_of(floats(o, 0)) * *floats(o, 1);
}

GPTC_DEVICE void row_test_gradient_add(const gptc_u64 *o, gptc_i64 row) {
  const gptc_i32 *tokens = ints(o, 0), *order = ints(o, 1), *targets = ints(o, 2);
  float scale = *floats(o, 4) / positions;
  float *gradient = target(o, 5) + row * table_stride;
  for (int i = 0; i < positions; ++i) {
    int p = order[i];
    if (tokens[p] != row)
      continue;
    const float *logits = floats(o, 3) + p * logits_stride;
    float largest, sum;
    softmax_of(logits, largest, sum);
    for (int v = 0; v < vocabulary; ++v)
      gradient[v] +=
          scale * (gptc_exp(logits[v] - largest) / sum - (targets[p] == v ? 1.0f : 0.0f));
  }
}
GPTC_DEVICE void row_test_gradient(const gptc_u64 *o, gptc_i64 row) {
  for (int v = 0; v < vocabulary; ++v)
    target(o, 5)[row * table_stride + v] = 0;
  row_test_gradient_add(o, row);
}

GPTC_DEVICE void row_test_norm(const gptc_u64 *o, gptc_i64) {
  float sum = 0;
  for (int i = 0; i < vocabulary; ++i)
    for (int v = 0; v < vocabulary; ++v)
      sum += floats(o, 0)[i * table_stride + v] * floats(o, 0)[i * table_stride + v];
  *target(o, 1) = gptc_sqrt(sum);
}

GPTC_DEVICE void row_test_adamw(const gptc_u64 *o, gptc_i64 row) {
  float *table = target(o, 0), *first = target(o, 2), *second = target(o, 3);
  const float *gradient = floats(o, 1);
  float clip = gptc_minnum(1.0f, *floats(o, 5) / (*floats(o, 4) + 1e-6f)), rate = *floats(o, 6);
  float beta1 = *floats(o, 8), beta2 = *floats(o, 9);
  for (int v = 0; v < vocabulary; ++v) {
    gptc_i64 i = row * table_stride + v;
    float g = gradient[i] * clip;
    first[i] = beta1 * first[i] + (1 - beta1) * g;
    second[i] = beta2 * second[i] + (1 - beta2) * g * g;
    table[i] = table[i] * (1 - rate * *floats(o, 7)) -
               rate * (first[i] * *floats(o, 10)) /
                   (gptc_sqrt(second[i] * *floats(o, 11)) + *floats(o, 12));
  }
}

GPTC_DEVICE void row_test_count(const gptc_u64 *o, gptc_i64) {
  const gptc_i32 *key = ints(o, 0);
  float *state = target(o, 1);
  state[0] = (float)key[0];
  state[1] = (float)key[2];
  state[2] = (float)key[3];
  state[3] += 1;
}

GPTC_DEVICE void row_test_touch(const gptc_u64 *o, gptc_i64 row) { target(o, 0)[row] += 1; }

GPTC_DEVICE void row_test_epilogue(const gptc_u64 *o, gptc_i64 row) {
  for (int j = 0; j < epilogue_columns; ++j) {
    float *sum = target(o, 1) + row * epilogue_stride + j;
    *sum += floats(o, 0)[j];
    target(o, 2)[row * epilogue_columns + j] = *sum * *sum;
  }
}

GPTC_DEVICE void row_test_epilogue_pairs(const gptc_u64 *o, gptc_i64 row) {
  for (int j = 0; j < epilogue_columns; ++j)
    target(o, 1)[row * epilogue_columns + j] = floats(o, 0)[2 * row * epilogue_stride + j] +
                                               floats(o, 0)[(2 * row + 1) * epilogue_stride + j];
}
