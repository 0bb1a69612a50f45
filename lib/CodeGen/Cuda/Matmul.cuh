// The generated matrix product, for a GPU without cuBLASLt: fp32 on the tensor cores of sm_80 and
// later. This text follows gptc_device.h in a module; an entry point is written out after it, so
// that its name and its number of threads stand in the module:
//
//   GPTC_KERNEL(128)
//   gptc_matmul_nt(const float *lhs, const float *rhs, float *result, int m, int n, int k,
//                  gptc_i64 lhs_stride, gptc_i64 rhs_stride, gptc_i64 result_stride,
//                  int accumulate, gptc_batch batch) {
//     gptc_matmul<false, true>(lhs, rhs, result, m, n, k, lhs_stride, rhs_stride, result_stride,
//                              accumulate, batch);
//   }
//
// Launch: grid (ceil(n / 64), ceil(m / 64), product of the batch's sizes), block (128, 1, 1).
//
// Precision ("3xTF32": Ootomo and Yokota, "Recovering single precision accuracy from Tensor Cores
// while surpassing the FP32 theoretical peak performance", 2022). Each x is split into high =
// tf32(x) and low = tf32(x - high), which leaves at most 2^-23 |x|; of the four products, low·low
// is left out, at most 2^-22 |lhs·rhs|. Since the tensor cores truncate where they add, only 16
// products high·high are summed there and then added to the total with rounding to nearest; the two
// corrections have sums of their own, 2^-11 as large, which are added at the end. With S the sum
// over k of |lhs·rhs|,
//
//   |result - exact| <= (2^-18 + ceil(k / 8) 2^-24) S
//
// where a chain of fused multiply-adds has k 2^-24 S; 2^-18 is for the split, 2^-21, and 24
// truncated additions of 2^-23. (In a model of the tensor cores the root mean square at k = 4096,
// in 2^-24 S, is 0.13 for normal and 4.2 for positive numbers; of fused multiply-adds 0.47 and 14;
// of 3xTF32 with all sums in the tensor cores 1.7 and 1360.) The bound holds where nothing
// underflows: for |lhs| and |rhs| of 0 or above 2^-100, and products of 0 or above 2^-90. The order
// of each sum depends on k alone, so that results are the same in every run.
//
// Infinities and NaN come out as of fp32, though inf·0 = NaN in the corrections: these are left out
// where the total is not finite. A finite |x| of (1 - 2^-12) 2^128 or more counts as an infinity,
// to which tf32 rounds it.

/// The batch axes of a matmul, outermost first: sizes, and strides in elements.
struct gptc_batch {
  int count;
  int size[4];
  gptc_i64 lhs[4], rhs[4], result[4];
};

constexpr int gptc_matmul_tile = 64;  // rows and columns of the result in a block
constexpr int gptc_matmul_depth = 16; // steps of k in a tile
constexpr int gptc_matmul_stages = 3; // tiles in shared memory: one is read while two arrive
constexpr int gptc_matmul_threads = 128;

/// How a tile of an operand lies in shared memory: as in global memory, where either k or the other
/// axis is the inner one. The pitch puts what a warp reads at once into 32 different banks.
template <bool K_INNER> struct gptc_matmul_layout {
  static constexpr int rows = K_INNER ? gptc_matmul_tile : gptc_matmul_depth;
  static constexpr int columns = K_INNER ? gptc_matmul_depth : gptc_matmul_tile;
  static constexpr int pitch = columns + (K_INNER ? 4 : 8);
  static constexpr int words = rows * pitch;
};

/// Begins the copies of a tile to `first` words from the start of shared memory, WIDTH elements at
/// once. `source` is the tile's first element; the operand has `rows` and `columns` (a multiple of
/// WIDTH) from there on, and what the tile has beyond becomes 0.
template <bool K_INNER, int WIDTH, class SHARED>
GPTC_DEVICE void gptc_matmul_fetch(SHARED &shared, gptc_u32 first, const float *source,
                                   gptc_i64 stride, int rows, int columns) {
  typedef gptc_matmul_layout<K_INNER> layout;
  constexpr int across = layout::columns / WIDTH, down = gptc_matmul_threads / across;
  int row = gptc_thread() / across, column = gptc_thread() % across * WIDTH;
  if (column >= columns)
    rows = 0;
  source += row * stride + column;
  first += row * layout::pitch + column;
#pragma unroll
  for (int i = 0; i < layout::rows / down; ++i) {
    if constexpr (WIDTH == 4)
      gptc_copy_async_16(&shared[first], source, row < rows);
    else
      gptc_copy_async_4(&shared[first], source, row < rows);
    row += down;
    first += down * layout::pitch;
    source += down * stride;
  }
}

/// The lane's part of 16 x 8 elements of a tile, from `outer` and from step `k` on, as mma.m16n8k8
/// takes them: a fragment of lhs, or two of rhs for 8 columns each.
template <bool LHS, bool K_INNER, class SHARED>
GPTC_DEVICE void gptc_matmul_fragment(gptc_u32 (&fragment)[4], SHARED &shared, gptc_u32 first,
                                      int outer, int k) {
  constexpr int pitch = gptc_matmul_layout<K_INNER>::pitch;
  // Each of the four 8 x 4 parts is of one half of the outer axis and of one half of k.
  int lane = gptc_lane();
  if constexpr (K_INNER) {
    int part = lane / 8;
    outer += (LHS ? part % 2 : part / 2) * 8 + lane % 8;
    k += (LHS ? part / 2 : part % 2) * 4;
    gptc_ldmatrix_x4(fragment, &shared[first + outer * pitch + k]);
  } else {
#pragma unroll
    for (int part = 0; part < 4; ++part) {
      int part_outer = outer + (LHS ? part % 2 : part / 2) * 8 + lane / 4;
      int part_k = k + (LHS ? part / 2 : part % 2) * 4 + lane % 4;
      fragment[part] = gptc_as_u32(shared[first + part_k * pitch + part_outer]);
    }
  }
}

/// Splits each value into two tf32.
GPTC_DEVICE void gptc_matmul_split(const gptc_u32 (&values)[4], gptc_u32 (&high)[4],
                                   gptc_u32 (&low)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    float value = gptc_as_float(values[i]);
    high[i] = gptc_to_tf32(value);
    low[i] = gptc_to_tf32(value - gptc_as_float(high[i]));
  }
}

/// Adds the product of a 32 x 8 part of lhs and an 8 x 16 part of rhs to the accumulators `sum`.
GPTC_DEVICE void gptc_matmul_multiply(float (*sum)[2][4], const gptc_u32 (&lhs)[2][4],
                                      const gptc_u32 (&rhs)[4]) {
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const gptc_u32 pair[2] = {rhs[2 * j], rhs[2 * j + 1]};
      gptc_mma_m16n8k8_tf32(sum[j][i], lhs[i], pair);
    }
  }
}

/// Calls store(row, column, value) for each element of the block's tile of lhs · rhs, once. lhs is
/// m x k, stored k x m if TRANSPOSE_LHS; rhs is k x n, stored n x k if TRANSPOSE_RHS. A stride is
/// the distance between stored rows in elements, of any alignment; k >= 0.
template <bool TRANSPOSE_LHS, bool TRANSPOSE_RHS, class STORE>
GPTC_DEVICE void gptc_matmul_tiles(const float *lhs, const float *rhs, int m, int n, int k,
                                   gptc_i64 lhs_stride, gptc_i64 rhs_stride, const STORE &store) {
  constexpr bool lhs_inner = !TRANSPOSE_LHS, rhs_inner = TRANSPOSE_RHS; // k is the inner axis
  constexpr gptc_u32 lhs_words = gptc_matmul_layout<lhs_inner>::words;
  constexpr gptc_u32 stage_words = lhs_words + gptc_matmul_layout<rhs_inner>::words;
  constexpr gptc_u32 shared_words = gptc_matmul_stages * stage_words;
  GPTC_SHARED(float, shared, shared_words);

  // Four elements are copied at once where all rows and their ends allow it.
  const bool lhs_wide = ((gptc_u64)lhs / 4 | lhs_stride | (lhs_inner ? k : m)) % 4 == 0;
  const bool rhs_wide = ((gptc_u64)rhs / 4 | rhs_stride | (rhs_inner ? k : n)) % 4 == 0;

  // What is left of m, of n and, from the tile of k that is fetched next, of k.
  const int row0 = gptc_block_y() * gptc_matmul_tile, column0 = gptc_block() * gptc_matmul_tile;
  const int rows = m - row0, columns = n - column0;
  lhs += lhs_inner ? row0 * lhs_stride : row0;
  rhs += rhs_inner ? column0 * rhs_stride : column0;
  int steps = k;
  auto fetch = [&](gptc_u32 first) {
    if (steps > 0) {
      int lhs_rows = lhs_inner ? rows : steps, lhs_columns = lhs_inner ? steps : rows;
      int rhs_rows = rhs_inner ? columns : steps, rhs_columns = rhs_inner ? steps : columns;
      gptc_u32 second = first + lhs_words;
      if (lhs_wide)
        gptc_matmul_fetch<lhs_inner, 4>(shared, first, lhs, lhs_stride, lhs_rows, lhs_columns);
      else
        gptc_matmul_fetch<lhs_inner, 1>(shared, first, lhs, lhs_stride, lhs_rows, lhs_columns);
      if (rhs_wide)
        gptc_matmul_fetch<rhs_inner, 4>(shared, second, rhs, rhs_stride, rhs_rows, rhs_columns);
      else
        gptc_matmul_fetch<rhs_inner, 1>(shared, second, rhs, rhs_stride, rhs_rows, rhs_columns);
      lhs += gptc_matmul_depth * (lhs_inner ? 1 : lhs_stride);
      rhs += gptc_matmul_depth * (rhs_inner ? 1 : rhs_stride);
      steps -= gptc_matmul_depth;
    }
    gptc_copy_commit(); // without copies too, so that the groups' number is the tile's
  };

  const int warp = gptc_thread() / 32, lane = gptc_lane();
  const int warp_row = warp / 2 * 32, warp_column = warp % 2 * 32;
  float total[4][2][4] = {}, corrections[4][2][4] = {};
  const int tiles = k / gptc_matmul_depth + (k % gptc_matmul_depth != 0);
  gptc_u32 reading = 0, arriving = 0;
  for (int tile = 1 - gptc_matmul_stages; tile < tiles; ++tile) {
    gptc_copy_wait<gptc_matmul_stages - 2>();
    // The tile is there for all, and all are done with the one before, whose place the next takes.
    gptc_sync();
    fetch(arriving);
    arriving = arriving + stage_words == shared_words ? 0 : arriving + stage_words;
    if (tile < 0)
      continue;

    float sum[4][2][4] = {};
#pragma unroll
    for (int step = 0; step < gptc_matmul_depth; step += 8) {
      gptc_u32 values[4], lhs_high[2][4], lhs_low[2][4], rhs_high[4], rhs_low[4];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        gptc_matmul_fragment<true, lhs_inner>(values, shared, reading, warp_row + 16 * i, step);
        gptc_matmul_split(values, lhs_high[i], lhs_low[i]);
      }
#pragma unroll
      for (int j = 0; j < 4; j += 2) {
        gptc_matmul_fragment<false, rhs_inner>(values, shared, reading + lhs_words,
                                               warp_column + 8 * j, step);
        gptc_matmul_split(values, rhs_high, rhs_low);
        gptc_matmul_multiply(&corrections[j], lhs_low, rhs_high);
        gptc_matmul_multiply(&corrections[j], lhs_high, rhs_low);
        gptc_matmul_multiply(&sum[j], lhs_high, rhs_high);
      }
    }
#pragma unroll
    for (int i = 0; i < 32; ++i)
      total[i / 8][i / 4 % 2][i % 4] += sum[i / 8][i / 4 % 2][i % 4];
    reading = reading + stage_words == shared_words ? 0 : reading + stage_words;
  }

#pragma unroll
  for (int i = 0; i < 32; ++i) {
    // A fragment has two neighbours of a row, and the same 8 rows further down.
    int row = row0 + warp_row + i / 4 % 2 * 16 + i / 2 % 2 * 8 + lane / 4;
    int column = column0 + warp_column + i / 8 * 8 + lane % 4 * 2 + i % 2;
    if (row < m && column < n) {
      float value = total[i / 8][i / 4 % 2][i % 4];
      if (gptc_isfinite(value))
        value += corrections[i / 8][i / 4 % 2][i % 4];
      store(row, column, value);
    }
  }
}

/// result = lhs · rhs, plus result if `accumulate`, for each index of the batch.
template <bool TRANSPOSE_LHS, bool TRANSPOSE_RHS>
GPTC_DEVICE void gptc_matmul(const float *lhs, const float *rhs, float *result, int m, int n, int k,
                             gptc_i64 lhs_stride, gptc_i64 rhs_stride, gptc_i64 result_stride,
                             int accumulate, const gptc_batch &batch) {
  gptc_u32 batch_index = gptc_block_z();
#pragma unroll
  for (int axis = 3; axis >= 0; --axis) {
    if (axis < batch.count) {
      gptc_i64 index = batch_index % (gptc_u32)batch.size[axis];
      batch_index /= (gptc_u32)batch.size[axis];
      lhs += index * batch.lhs[axis];
      rhs += index * batch.rhs[axis];
      result += index * batch.result[axis];
    }
  }
  gptc_matmul_tiles<TRANSPOSE_LHS, TRANSPOSE_RHS>(
      lhs, rhs, m, n, k, lhs_stride, rhs_stride, [&](int row, int column, float value) {
        float *place = result + row * result_stride + column;
        *place = accumulate ? *place + value : value;
      });
}
