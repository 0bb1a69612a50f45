// The generated matrix product, for a GPU without cuBLASLt: on the tensor cores of sm_80 and later,
// in the precisions of Products.cuh, which this text follows in a module; an entry point is written
// out after it, so that its name and its number of threads stand in the module:
//
//   GPTC_KERNEL(128)
//   gptc_matmul_nt(const float *lhs, const float *rhs, float *result, int m, int n, int k,
//                  gptc_i64 lhs_stride, gptc_i64 rhs_stride, gptc_i64 result_stride,
//                  int accumulate, gptc_batch batch) {
//     gptc_matmul<gptc_fp32_products, false, true>(lhs, rhs, result, m, n, k, lhs_stride,
//                                                  rhs_stride, result_stride, accumulate, batch);
//   }
//
// Launch: grid (ceil(n / 64), ceil(m / 64), product of the batch's sizes), block (128, 1, 1).
//
// Precision. The tensor cores sum up a tile, that is 2 steps; sums of tiles are added to a total
// with rounding to nearest. What the split of fp32 corrects has a sum of its own in the tensor
// cores, over all of k and 2^-11 as large, which is added at the end. With S the sum over k of
// |lhs·rhs|,
//
//   fp32         |result - exact| <= (2^-18 + ceil(k / 8) 2^-24) S
//   tf32         |result - exact| <= (2^-10 + 2^-17 + ceil(k / 16) 2^-24) S
//   bf16, f16    |result - exact| <= (2^-17 + ceil(k / 32) 2^-24) S
//
// before a 16-bit result is rounded, which is done once. A chain of fused multiply-adds has k 2^-24
// S; 2^-18 is for the split, 3 · 2^-22, and 24 truncated additions of 2^-23, and 2^-17 for 2 · 17
// of them. (In a model of the tensor cores the root mean square of fp32 at k = 4096, in 2^-24 S, is
// 0.13 for normal and 4.2 for positive numbers; of fused multiply-adds 0.47 and 14; of 3xTF32 with
// all sums in the tensor cores 1.7 and 1360.) The bounds hold where nothing underflows: for |lhs|
// and |rhs| of 0 or above 2^-100, and products of 0 or above 2^-90. The order of each sum depends
// on k alone, so that results are the same in every run.
//
// Infinities and NaN come out as of fp32, though inf·0 = NaN in the corrections: these are left out
// where the total is not finite.

/// The batch axes of a matmul, outermost first: sizes, and strides in elements.
struct gptc_batch {
  int count;
  int size[4];
  gptc_i64 lhs[4], rhs[4], result[4];
};

constexpr int gptc_matmul_tile = 64;  // rows and columns of the result in a block
constexpr int gptc_matmul_stages = 3; // tiles in shared memory: one is read while two arrive
constexpr int gptc_matmul_threads = 128;

/// How a tile of an operand lies in shared memory: as in global memory, where either k or the other
/// axis is the inner one. The pitch puts what a warp reads at once into 32 different banks.
template <class PRODUCTS, bool K_INNER> struct gptc_matmul_layout {
  typedef typename PRODUCTS::element element;
  static constexpr int depth = 2 * PRODUCTS::step; ///< steps of k in a tile
  static constexpr int rows = K_INNER ? gptc_matmul_tile : depth;
  static constexpr int columns = K_INNER ? depth : gptc_matmul_tile;
  static constexpr int pitch = columns + (K_INNER ? gptc_wide<element> : 8);
  static constexpr int size = rows * pitch;
};

/// Begins the copies of a tile to `first` elements from the start of shared memory, WIDTH elements
/// at once. `source` is the tile's first element; the operand has `rows` and `columns` (a multiple
/// of WIDTH) from there on, and what the tile has beyond becomes 0. Single elements of 16 bits, too
/// small for an asynchronous copy, are there at the block's next barrier, which is as soon as is
/// asked for.
template <class LAYOUT, int WIDTH, class SHARED>
GPTC_DEVICE void gptc_matmul_fetch(SHARED &shared, gptc_u32 first,
                                   const typename LAYOUT::element *source, gptc_i64 stride,
                                   int rows, int columns) {
  constexpr int across = LAYOUT::columns / WIDTH, down = gptc_matmul_threads / across;
  int row = gptc_thread() / across, column = gptc_thread() % across * WIDTH;
  if (column >= columns)
    rows = 0;
  source += row * stride + column;
  first += row * LAYOUT::pitch + column;
  constexpr bool is_async = WIDTH * sizeof(typename LAYOUT::element) >= 4;
  constexpr int copies = LAYOUT::rows / down, together = is_async ? copies : 4;
#pragma unroll together
  for (int i = 0; i < copies; ++i) {
    if constexpr (WIDTH > 1)
      gptc_copy_async_16(&shared[first], source, row < rows);
    else if constexpr (is_async)
      gptc_copy_async_4(&shared[first], source, row < rows);
    else if (row < rows)
      shared[first] = *source;
    else
      shared[first] = gptc_from_float<typename LAYOUT::element>(0.0f);
    row += down;
    first += down * LAYOUT::pitch;
    source += down * stride;
  }
}

/// The lane's part of a step of 16 rows or columns of a tile, from `outer` and from `k` on, as mma
/// takes them: a fragment of lhs, or two of rhs for 8 columns each.
template <class PRODUCTS, bool LHS, bool K_INNER, class SHARED>
GPTC_DEVICE void gptc_matmul_fragment(gptc_u32 (&fragment)[4], SHARED &shared, gptc_u32 first,
                                      int outer, int k) {
  constexpr int pitch = gptc_matmul_layout<PRODUCTS, K_INNER>::pitch, half = PRODUCTS::step / 2;
  // Each of the four parts is of one half of the outer axis and of one half of k.
  const int lane = gptc_lane();
  auto outer_of = [&](int part) { return outer + (LHS ? part % 2 : part / 2) * 8; };
  auto k_of = [&](int part) { return k + (LHS ? part / 2 : part % 2) * half; };
  if constexpr (K_INNER) {
    gptc_ldmatrix_x4(fragment,
                     &shared[first + (outer_of(lane / 8) + lane % 8) * pitch + k_of(lane / 8)]);
  } else if constexpr (half == 8) {
    gptc_ldmatrix_x4_trans(
        fragment, &shared[first + (k_of(lane / 8) + lane % 8) * pitch + outer_of(lane / 8)]);
  } else { // ldmatrix transposes elements of 16 bits alone
#pragma unroll
    for (int part = 0; part < 4; ++part)
      fragment[part] =
          gptc_as_u32(shared[first + (k_of(part) + lane % 4) * pitch + outer_of(part) + lane / 4]);
  }
}

/// Adds the product of a 32-row part of lhs and a 16-column part of rhs to the accumulators `sum`.
template <class PRODUCTS>
GPTC_DEVICE void gptc_matmul_multiply(float (*sum)[2][4], const gptc_u32 (&lhs)[2][4],
                                      const gptc_u32 (&rhs)[4]) {
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const gptc_u32 pair[2] = {rhs[2 * j], rhs[2 * j + 1]};
      PRODUCTS::multiply(sum[j][i], lhs[i], pair);
    }
  }
}

/// Calls store(row, column, value) for each element of the block's tile of lhs · rhs, once. lhs is
/// m x k, stored k x m if TRANSPOSE_LHS; rhs is k x n, stored n x k if TRANSPOSE_RHS. A stride is
/// the distance between stored rows in elements, of any alignment; k >= 0.
template <class PRODUCTS, bool TRANSPOSE_LHS, bool TRANSPOSE_RHS, class STORE>
GPTC_DEVICE void gptc_matmul_tiles(const typename PRODUCTS::element *lhs,
                                   const typename PRODUCTS::element *rhs, int m, int n, int k,
                                   gptc_i64 lhs_stride, gptc_i64 rhs_stride, const STORE &store) {
  typedef typename PRODUCTS::element element;
  constexpr bool lhs_inner = !TRANSPOSE_LHS, rhs_inner = TRANSPOSE_RHS; // k is the inner axis
  typedef gptc_matmul_layout<PRODUCTS, lhs_inner> lhs_layout;
  typedef gptc_matmul_layout<PRODUCTS, rhs_inner> rhs_layout;
  constexpr gptc_u32 stage_size = lhs_layout::size + rhs_layout::size;
  constexpr gptc_u32 shared_size = gptc_matmul_stages * stage_size;
  GPTC_SHARED(element, shared, shared_size);

  // Sixteen bytes are copied at once where all rows and their ends allow it.
  constexpr int wide = gptc_wide<element>, depth = lhs_layout::depth;
  const bool lhs_wide =
      ((gptc_u64)lhs / sizeof(element) | lhs_stride | (lhs_inner ? k : m)) % wide == 0;
  const bool rhs_wide =
      ((gptc_u64)rhs / sizeof(element) | rhs_stride | (rhs_inner ? k : n)) % wide == 0;

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
      gptc_u32 second = first + lhs_layout::size;
      if (lhs_wide)
        gptc_matmul_fetch<lhs_layout, wide>(shared, first, lhs, lhs_stride, lhs_rows, lhs_columns);
      else
        gptc_matmul_fetch<lhs_layout, 1>(shared, first, lhs, lhs_stride, lhs_rows, lhs_columns);
      if (rhs_wide)
        gptc_matmul_fetch<rhs_layout, wide>(shared, second, rhs, rhs_stride, rhs_rows, rhs_columns);
      else
        gptc_matmul_fetch<rhs_layout, 1>(shared, second, rhs, rhs_stride, rhs_rows, rhs_columns);
      lhs += depth * (lhs_inner ? 1 : lhs_stride);
      rhs += depth * (rhs_inner ? 1 : rhs_stride);
      steps -= depth;
    }
    gptc_copy_commit(); // without copies too, so that the groups' number is the tile's
  };

  const int warp = gptc_thread() / 32, lane = gptc_lane();
  const int warp_row = warp / 2 * 32, warp_column = warp % 2 * 32;
  float total[4][2][4] = {}, corrections[4][2][4] = {};
  const int tiles = k / depth + (k % depth != 0);
  gptc_u32 reading = 0, arriving = 0;
  for (int tile = 1 - gptc_matmul_stages; tile < tiles; ++tile) {
    gptc_copy_wait<gptc_matmul_stages - 2>();
    // The tile is there for all, and all are done with the one before, whose place the next takes.
    gptc_sync();
    fetch(arriving);
    arriving = arriving + stage_size == shared_size ? 0 : arriving + stage_size;
    if (tile < 0)
      continue;

    float sum[4][2][4] = {};
#pragma unroll
    for (int step = 0; step < depth; step += PRODUCTS::step) {
      gptc_u32 values[4], lhs_high[2][4], lhs_low[2][4], rhs_high[4], rhs_low[4];
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        gptc_matmul_fragment<PRODUCTS, true, lhs_inner>(values, shared, reading, warp_row + 16 * i,
                                                        step);
        PRODUCTS::prepare(values, lhs_high[i], lhs_low[i]);
      }
#pragma unroll
      for (int j = 0; j < 4; j += 2) {
        gptc_matmul_fragment<PRODUCTS, false, rhs_inner>(values, shared, reading + lhs_layout::size,
                                                         warp_column + 8 * j, step);
        PRODUCTS::prepare(values, rhs_high, rhs_low);
        if constexpr (PRODUCTS::is_split) {
          gptc_matmul_multiply<PRODUCTS>(&corrections[j], lhs_low, rhs_high);
          gptc_matmul_multiply<PRODUCTS>(&corrections[j], lhs_high, rhs_low);
        }
        gptc_matmul_multiply<PRODUCTS>(&sum[j], lhs_high, rhs_high);
      }
    }
#pragma unroll
    for (int i = 0; i < 32; ++i)
      total[i / 8][i / 4 % 2][i % 4] += sum[i / 8][i / 4 % 2][i % 4];
    reading = reading + stage_size == shared_size ? 0 : reading + stage_size;
  }

#pragma unroll
  for (int i = 0; i < 32; ++i) {
    // A fragment has two neighbours of a row, and the same 8 rows further down.
    int row = row0 + warp_row + i / 4 % 2 * 16 + i / 2 % 2 * 8 + lane / 4;
    int column = column0 + warp_column + i / 8 * 8 + lane % 4 * 2 + i % 2;
    if (row < m && column < n) {
      float value = total[i / 8][i / 4 % 2][i % 4];
      if (PRODUCTS::is_split && gptc_isfinite(value))
        value += corrections[i / 8][i / 4 % 2][i % 4];
      store(row, column, value);
    }
  }
}

/// result = lhs · rhs, plus result if `accumulate`, for each index of the batch. RESULT is float or
/// a number of 16 bits.
template <class PRODUCTS, bool TRANSPOSE_LHS, bool TRANSPOSE_RHS, class RESULT>
GPTC_DEVICE void gptc_matmul(const typename PRODUCTS::element *lhs,
                             const typename PRODUCTS::element *rhs, RESULT *result, int m, int n,
                             int k, gptc_i64 lhs_stride, gptc_i64 rhs_stride,
                             gptc_i64 result_stride, int accumulate, const gptc_batch &batch) {
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
  gptc_matmul_tiles<PRODUCTS, TRANSPOSE_LHS, TRANSPOSE_RHS>(
      lhs, rhs, m, n, k, lhs_stride, rhs_stride, [&](int row, int column, float value) {
        RESULT *place = result + row * result_stride + column;
        *place = gptc_from_float<RESULT>(accumulate ? gptc_to_float(*place) + value : value);
      });
}
