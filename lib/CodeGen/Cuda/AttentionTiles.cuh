// What the two attention kernels are made of: matrices in global memory, tiles of them in shared
// memory, fragments of them in registers, and the product of fragments. Follows gptc_device.h in a
// module.
//
// Sizes and strides are template arguments, so a kernel is for one shape. Columns are padded with
// zeros to whole fragments, rows beyond a matrix are zeros: neither changes a product.
//
// Precision: products are "3xTF32" as in Matmul.cuh, with its bound (2^-18 + ceil(k / 8) 2^-24) S
// for a sum over k, S that of the absolute products: only 16 products high·high are summed in the
// tensor cores, which truncate, before they are added to a total. Low parts are not rounded but cut
// off by the tensor cores, to 2^-22 |x|: with low·low, which is left out, 3 · 2^-22 for each
// product.

constexpr int gptc_attention_threads = 128;
constexpr int gptc_attention_shared_words = 48 * 1024 / 4;

/// The sizes of an attention: HEADS of queries share GROUPS of keys and values; a query and a key
/// have DEPTH columns, a value WIDTH. CAUSAL: query i sees keys 0 to i.
template <int HEADS, int GROUPS, int QUERIES, int KEYS, int DEPTH, int WIDTH, bool CAUSAL>
struct gptc_attention_shape {
  static constexpr int heads = HEADS, groups = GROUPS, group_heads = HEADS / GROUPS;
  static constexpr int queries = QUERIES, keys = KEYS, depth = DEPTH, width = WIDTH;
  static constexpr bool causal = CAUSAL;
};

/// COLUMNS columns as they lie in tiles and fragments, where SPLIT warps share them.
template <int COLUMNS, int SPLIT> struct gptc_attention_columns {
  static constexpr int unit = 16 * SPLIT;
  static constexpr int padded = (COLUMNS + unit - 1) / unit * unit;
  static constexpr int own = padded / SPLIT; // those of a warp
  // Words between a tile's rows: a warp's reads, by ldmatrix and of single columns, are of 32
  // different banks.
  static constexpr int pitch = padded + 4;
};

//===- Global memory --------------------------------------------------------===//

/// A matrix: rows ROW elements apart, columns one.
template <class VIEW, gptc_i64 ROW> struct gptc_attention_matrix {
  static constexpr gptc_i64 row_stride = ROW;
  VIEW view;
  gptc_i64 first;
  GPTC_MEMBER gptc_i64 find(int row, int column) const { return first + row * ROW + column; }
  GPTC_MEMBER auto &at(int row, int column) const { return view[find(row, column)]; }
};

/// A matrix for each head of each batch.
template <class VIEW, gptc_i64 BATCH, gptc_i64 HEAD, gptc_i64 ROW> struct gptc_attention_matrices {
  static constexpr bool used = true;
  VIEW view;
  GPTC_MEMBER gptc_attention_matrix<VIEW, ROW> of(int batch, int head) const {
    return {view, batch * BATCH + head * HEAD};
  }
};
template <gptc_i64 BATCH, gptc_i64 HEAD, gptc_i64 ROW, class VIEW>
GPTC_DEVICE gptc_attention_matrices<VIEW, BATCH, HEAD, ROW> gptc_attention_operand(VIEW view) {
  return {view};
}
/// For an output that nobody reads.
struct gptc_attention_unused {
  static constexpr bool used = false;
};

//===- Shared memory --------------------------------------------------------===//

/// Begins the copies of ROWS rows, COLUMNS columns of `matrix`, from `row` on, to `first` words
/// from the start of shared memory, UNIT elements at once. The matrix ends at row `end`; zeros
/// arrive for what is beyond.
template <int UNIT, int ROWS, int COLUMNS, class LAYOUT, class SHARED, class MATRIX>
GPTC_DEVICE void gptc_attention_copy(SHARED &shared, gptc_u32 first, const MATRIX &matrix, int row,
                                     int end) {
  constexpr int across = LAYOUT::padded / UNIT, down = gptc_attention_threads / across;
  const int own = gptc_thread() / across, column = gptc_thread() % across * UNIT;
  if (gptc_attention_threads % across && own >= down)
    return;
  const bool inside = column < COLUMNS;
  const gptc_i64 source = matrix.find(row + own, column);
  first += own * LAYOUT::pitch + column;
#pragma unroll
  for (int r = 0; r < ROWS; r += down) {
    if (ROWS % down && r + own >= ROWS)
      break;
    bool valid = inside && row + own + r < end;
    const gptc_i64 index = source + r * MATRIX::row_stride;
    matrix.view.check(valid ? index + UNIT - 1 : 0);
    if constexpr (UNIT == 4)
      gptc_copy_async_16(&shared[first + r * LAYOUT::pitch], matrix.view.data + index, valid);
    else
      gptc_copy_async_4(&shared[first + r * LAYOUT::pitch], matrix.view.data + index, valid);
  }
}
/// The same, four elements at once where the matrix's place and shape allow it.
template <int ROWS, int COLUMNS, class LAYOUT, class SHARED, class MATRIX>
GPTC_DEVICE void gptc_attention_fetch(SHARED &shared, gptc_u32 first, const MATRIX &matrix, int row,
                                      int end) {
  if constexpr (COLUMNS % 4 == 0 && MATRIX::row_stride % 4 == 0) {
    if ((gptc_u64)(matrix.view.data + matrix.first) % 16 == 0)
      return gptc_attention_copy<4, ROWS, COLUMNS, LAYOUT>(shared, first, matrix, row, end);
  }
  gptc_attention_copy<1, ROWS, COLUMNS, LAYOUT>(shared, first, matrix, row, end);
}

/// The lane's part of 16 rows and 8 columns of a tile, as two fragments of rhs where the tile's
/// columns are summed over (the product is lhs · tileᵀ).
template <int PITCH, class SHARED>
GPTC_DEVICE void gptc_attention_rows(gptc_u32 (&fragment)[4], SHARED &shared, gptc_u32 first,
                                     int row, int column) {
  int lane = gptc_lane();
  row += lane / 16 * 8 + lane % 8;
  column += lane / 8 % 2 * 4;
  gptc_ldmatrix_x4(fragment, &shared[first + row * PITCH + column]);
}

/// The lane's part of 16 rows and 8 columns of a tile, as a fragment of lhs.
template <int PITCH, class SHARED>
GPTC_DEVICE void gptc_attention_lhs(gptc_u32 (&fragment)[4], SHARED &shared, gptc_u32 first,
                                    int row, int column) {
  int lane = gptc_lane();
  row += lane % 16;
  column += lane / 16 * 4;
  gptc_ldmatrix_x4(fragment, &shared[first + row * PITCH + column]);
}

/// The lane's part of 8 rows and 16 columns of a tile, as two fragments of rhs where the tile's
/// rows are summed over. The rows are in the order 0, 2, 4, 6, 1, 3, 5, 7, in which
/// gptc_attention_weights gives lhs.
template <int PITCH, class SHARED>
GPTC_DEVICE void gptc_attention_row_sums(gptc_u32 (&fragment)[4], SHARED &shared, gptc_u32 first,
                                         int row, int column) {
  int lane = gptc_lane();
  first += (row + lane % 4 * 2) * PITCH + column + lane / 4;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    fragment[i] = gptc_as_u32(shared[first + i % 2 * PITCH + i / 2 * 8]);
}

//===- Registers ------------------------------------------------------------===//
// A warp has 16 rows of a result: lane l the rows l / 4 and l / 4 + 8, of each 8 columns those of
// l % 4 · 2 and one more. Element i of the lane's four:
GPTC_DEVICE int gptc_attention_row(int i) { return gptc_lane() / 4 + i / 2 * 8; }
GPTC_DEVICE int gptc_attention_column(int i) { return gptc_lane() % 4 * 2 + i % 2; }

/// Loads 16 rows as fragments of lhs, COUNT of 8 columns each, from `column` on.
template <int COUNT, int COLUMNS, class MATRIX>
GPTC_DEVICE void gptc_attention_load(gptc_u32 (&fragments)[COUNT][4], const MATRIX &matrix, int row,
                                     int end, int column) {
  row += gptc_lane() / 4;
  column += gptc_lane() % 4;
  const gptc_i64 first = matrix.find(row, column);
#pragma unroll
  for (int i = 0; i < 4 * COUNT; ++i) {
    const int r = i % 2 * 8, c = i / 4 * 8 + i / 2 % 2 * 4;
    fragments[i / 4][i % 4] = row + r < end && column + c < COLUMNS
                                  ? gptc_as_u32(matrix.view[first + r * MATRIX::row_stride + c])
                                  : 0;
  }
}

/// Stores what there is of 16 rows of a result, from `column` on.
template <int COLUMNS, int COUNT, class MATRIX>
GPTC_DEVICE void gptc_attention_store(const float (&values)[COUNT][4], const MATRIX &matrix,
                                      int row, int end, int column) {
  row += gptc_attention_row(0);
  column += gptc_attention_column(0);
  const gptc_i64 first = matrix.find(row, column);
#pragma unroll
  for (int i = 0; i < 4 * COUNT; ++i) {
    const int r = i % 4 / 2 * 8, c = i / 4 * 8 + i % 2;
    if (row + r < end && column + c < COLUMNS)
      matrix.view[first + r * MATRIX::row_stride + c] = values[i / 4][i % 4];
  }
}

/// Eight columns of a result as lhs of the next product, in the order 0, 2, 4, 6, 1, 3, 5, 7: so
/// the elements stay in their lanes.
GPTC_DEVICE void gptc_attention_weights(gptc_u32 (&fragment)[4], const float (&values)[4]) {
  fragment[0] = gptc_as_u32(values[0]);
  fragment[1] = gptc_as_u32(values[2]);
  fragment[2] = gptc_as_u32(values[1]);
  fragment[3] = gptc_as_u32(values[3]);
}

/// Splits each value into two tf32, of which the tensor cores ignore the low 13 bits: the nearest,
/// ties away from zero, and what is left. As a NaN of all ones becomes a zero, the rest is the NaN.
GPTC_DEVICE void gptc_attention_split(const gptc_u32 (&values)[4], gptc_u32 (&high)[4],
                                      gptc_u32 (&low)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    high[i] = (values[i] + 0x1000) & 0xffffe000; // three instructions fewer than cvt.rna takes
    low[i] = gptc_as_u32(gptc_as_float(values[i]) - gptc_as_float(high[i]));
  }
}

/// Adds to 16 rows, 8 · TILES columns of `total` a product over 8 · STEPS, STEPS and TILES even.
/// `lhs(fragment, step)` gives a fragment of lhs, `rhs(fragment, step, tile)` those of `tile` and
/// the next. The sums of TOGETHER tiles are in registers at once: the more, the less often lhs is
/// split.
template <int STEPS, int TOGETHER, int TILES, class LHS, class RHS>
GPTC_DEVICE void gptc_attention_multiply(float (&total)[TILES][4], LHS &&lhs, RHS &&rhs) {
  static_assert(STEPS % 2 == 0 && TILES % 2 == 0, "sums are of 16, fragments of rhs come in pairs");
  constexpr int together = TILES % TOGETHER == 0 ? TOGETHER : 2;
#pragma unroll
  for (int first = 0; first < TILES; first += together) {
    float corrections[together][4] = {};
#pragma unroll
    for (int step = 0; step < STEPS; step += 2) {
      float sum[together][4] = {};
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        gptc_u32 values[4], lhs_high[4], lhs_low[4], rhs_high[4], rhs_low[4];
        lhs(values, step + half);
        gptc_attention_split(values, lhs_high, lhs_low);
#pragma unroll
        for (int tile = 0; tile < together; tile += 2) {
          rhs(values, step + half, first + tile);
          gptc_attention_split(values, rhs_high, rhs_low);
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            const gptc_u32 high[2] = {rhs_high[2 * i], rhs_high[2 * i + 1]};
            const gptc_u32 low[2] = {rhs_low[2 * i], rhs_low[2 * i + 1]};
            gptc_mma_m16n8k8_tf32(corrections[tile + i], lhs_low, high);
            gptc_mma_m16n8k8_tf32(corrections[tile + i], lhs_high, low);
            gptc_mma_m16n8k8_tf32(sum[tile + i], lhs_high, high);
          }
        }
      }
#pragma unroll
      for (int i = 0; i < 4 * together; ++i)
        total[first + i / 4][i % 4] += sum[i / 4][i % 4];
    }
#pragma unroll
    for (int i = 0; i < 4 * together; ++i) {
      // Of infinities the corrections are NaN.
      float &place = total[first + i / 4][i % 4];
      if (gptc_isfinite(place))
        place += corrections[i / 4][i % 4];
    }
  }
}
