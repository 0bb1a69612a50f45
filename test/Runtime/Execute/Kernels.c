/* Kernels of a bigram model, as a compiler would write them: what the plans of these tests run.
 * Each is void symbol(void *const *operands, int64_t begin, int64_t end). */
#include "TestSizes.h"

#include <math.h>
#include <stdint.h>
#include <unistd.h>

#define KERNEL(name) void name(void *const *operands, int64_t begin, int64_t end)

/* tokens, table, logits; a row is a position. */
KERNEL(test_forward) {
  const int32_t *tokens = operands[0];
  const float *table = operands[1];
  float *logits = operands[2];
  for (int64_t p = begin; p < end; ++p)
    for (int v = 0; v < vocabulary; ++v)
      logits[p * logitsStride + v] = table[tokens[p] * tableStride + v];
}

/* tokens, table, logits of the last position of each row [B, V]; a row is a row of the batch. */
KERNEL(test_forward_last) {
  const int32_t *tokens = operands[0];
  const float *table = operands[1];
  float *logits = operands[2];
  for (int64_t b = begin; b < end; ++b)
    for (int v = 0; v < vocabulary; ++v)
      logits[b * vocabulary + v] =
          table[tokens[b * sequenceSize + sequenceSize - 1] * tableStride + v];
}

/* logits, targets, losses; the loss of each position. */
KERNEL(test_losses) {
  const float *logits = operands[0];
  const int32_t *targets = operands[1];
  float *losses = operands[2];
  for (int64_t p = begin; p < end; ++p) {
    const float *row = logits + p * logitsStride;
    float largest = row[0], sum = 0;
    for (int v = 1; v < vocabulary; ++v)
      largest = fmaxf(largest, row[v]);
    for (int v = 0; v < vocabulary; ++v)
      sum += expf(row[v] - largest);
    losses[p] = logf(sum) + largest - row[targets[p]];
  }
}

static float mean(const float *losses) {
  float sum = 0;
  for (int p = 0; p < positions; ++p)
    sum += losses[p];
  return sum / positions;
}

/* losses, inverse accumulation, loss; one row. */
KERNEL(test_mean) { *(float *)operands[2] = mean(operands[0]) * *(const float *)operands[1]; }
KERNEL(test_mean_add) { *(float *)operands[2] += mean(operands[0]) * *(const float *)operands[1]; }

/* tokens, their order, targets, logits, inverse accumulation, gradient; a row is a row of the
 * table. */
static void addGradient(void *const *operands, int64_t row) {
  const int32_t *tokens = operands[0], *order = operands[1], *targets = operands[2];
  float scale = *(const float *)operands[4] / positions;
  float *gradient = (float *)operands[5] + row * tableStride;
  for (int i = 0; i < positions; ++i) {
    int p = order[i];
    const float *logits = (const float *)operands[3] + p * logitsStride;
    if (tokens[p] != row)
      continue;
    float largest = logits[0], sum = 0;
    for (int v = 1; v < vocabulary; ++v)
      largest = fmaxf(largest, logits[v]);
    for (int v = 0; v < vocabulary; ++v)
      sum += expf(logits[v] - largest);
    for (int v = 0; v < vocabulary; ++v)
      gradient[v] += scale * (expf(logits[v] - largest) / sum - (targets[p] == v ? 1.0f : 0.0f));
  }
}
KERNEL(test_gradient) {
  for (int64_t row = begin; row < end; ++row) {
    for (int v = 0; v < vocabulary; ++v)
      ((float *)operands[5])[row * tableStride + v] = 0;
    addGradient(operands, row);
  }
}
KERNEL(test_gradient_add) {
  for (int64_t row = begin; row < end; ++row)
    addGradient(operands, row);
}

/* gradient, norm; one row. */
KERNEL(test_norm) {
  const float *gradient = operands[0];
  float sum = 0;
  for (int i = 0; i < vocabulary; ++i)
    for (int v = 0; v < vocabulary; ++v)
      sum += gradient[i * tableStride + v] * gradient[i * tableStride + v];
  *(float *)operands[1] = sqrtf(sum);
}

/* table, gradient, first, second, norm, then the scalars clip_norm, learning_rate, weight_decay,
 * beta1, beta2, correction1, correction2, epsilon; a row is a row of the table. */
KERNEL(test_adamw) {
  float *table = operands[0], *first = operands[2], *second = operands[3];
  const float *gradient = operands[1];
#define SCALAR(i) (*(const float *)operands[i])
  float clip = fminf(1.0f, SCALAR(5) / (SCALAR(4) + 1e-6f)), rate = SCALAR(6);
  for (int64_t row = begin; row < end; ++row)
    for (int v = 0; v < vocabulary; ++v) {
      int64_t i = row * tableStride + v;
      float g = gradient[i] * clip;
      first[i] = SCALAR(8) * first[i] + (1 - SCALAR(8)) * g;
      second[i] = SCALAR(9) * second[i] + (1 - SCALAR(9)) * g * g;
      table[i] = table[i] * (1 - rate * SCALAR(7)) -
                 rate * (first[i] * SCALAR(10)) / (sqrtf(second[i] * SCALAR(11)) + SCALAR(12));
    }
}

/* the key of the step, a state of four numbers: key, and how often it ran. */
KERNEL(test_count) {
  const int32_t *key = operands[0];
  float *state = operands[1];
  state[0] = (float)key[0];
  state[1] = (float)key[2];
  state[2] = (float)key[3];
  state[3] += 1;
}

/* an array of counters; each row is counted. */
KERNEL(test_touch) {
  float *counters = operands[0];
  for (int64_t row = begin; row < end; ++row)
    counters[row] += 1;
}

/* an array of pairs; each row remembers the range of rows that it was run with. */
KERNEL(test_range) {
  float *ranges = operands[0];
  for (int64_t row = begin; row < end; ++row) {
    ranges[2 * row] = (float)begin;
    ranges[2 * row + 1] = (float)end;
  }
}

/* bias, product, squares: adds the bias to the product in place and squares the sums. */
KERNEL(test_epilogue) {
  const float *bias = operands[0];
  float *product = operands[1], *squares = operands[2];
  for (int64_t row = begin; row < end; ++row)
    for (int j = 0; j < epilogueColumns; ++j) {
      float *sum = product + row * epilogueStride + j;
      *sum += bias[j];
      squares[row * epilogueColumns + j] = *sum * *sum;
    }
}

/* product, sums: what two rows of the product are together; a row is a pair of them. */
KERNEL(test_epilogue_pairs) {
  const float *product = operands[0];
  float *sums = operands[1];
  for (int64_t row = begin; row < end; ++row)
    for (int j = 0; j < epilogueColumns; ++j)
      sums[row * epilogueColumns + j] =
          product[2 * row * epilogueStride + j] + product[(2 * row + 1) * epilogueStride + j];
}

/* Takes about 20 ms. */
KERNEL(test_slow) { usleep(20000); }

/* Functions for products, of float32 only: see runtime/device/CpuProduct.h. A tile has tileRows
 * rows and a vector of tileLanes columns. */
#define TILE(name, row, step)                                                                      \
  void name(const float *left, const int64_t *rowStrides, const float *right, int64_t rightStride, \
            int64_t count, float *result, int64_t resultStride, int64_t add, const char *prefetch, \
            int64_t prefetchStep, int64_t prefetchOther) {                                         \
    (void)rowStrides, (void)prefetch, (void)prefetchStep, (void)prefetchOther;                     \
    for (int64_t i = 0; i < tileRows; ++i)                                                         \
      for (int64_t j = 0; j < tileLanes; ++j) {                                                    \
        float sum = 0;                                                                             \
        for (int64_t k = 0; k < count; ++k)                                                        \
          sum += left[i * (row) + k * (step)] * right[k * rightStride + j];                        \
        float *place = result + i * resultStride + j;                                              \
        *place = add ? *place + sum : sum;                                                         \
      }                                                                                            \
  }
TILE(gptc_matmul_tile1, rowStrides[0] / 4, 1)
TILE(gptc_matmul_packed_tile1, 1, tileRows)

#define MOVE(name, row, column)                                                                    \
  void name(const float *from, int64_t fromStride, float *to, int64_t toStride, int64_t rows,      \
            int64_t columns, int64_t add) {                                                        \
    for (int64_t r = 0; r < rows; ++r)                                                             \
      for (int64_t c = 0; c < columns; ++c) {                                                      \
        float *place = to + (row)*toStride + (column), value = from[r * fromStride + c];           \
        *place = add ? *place + value : value;                                                     \
      }                                                                                            \
  }
MOVE(gptc_matmul_move_float32_float32, r, c)
MOVE(gptc_matmul_move_float32_float32_transposed, c, r)
