// What the two attention kernels are made of: matrices in global memory, tiles of them in shared
// memory, fragments of them in registers, and the product of fragments, in the precisions of
// Products.cuh, which this text follows in a module.
//
// Sizes and strides are template arguments, so a kernel is for one shape. Columns are padded with
// zeros to whole fragments, rows beyond a matrix are zeros: neither changes a product.
//
// Precision of a sum over k, with S that of the absolute products: fp32 is off by at most
// (2^-18 + ceil(k / 8) 2^-24) S as in Matmul.cuh, since only 16 products high·high are summed in
// the tensor cores, which truncate, before they are added to a total. In the other precisions all
// are summed there: (2^-10 + 17/16 k 2^-23) S for tf32, 17/16 k 2^-23 S for bf16 and f16.

constexpr int gptc_attention_threads = 128;
constexpr int gptc_attention_shared_bytes = 48 * 1024;

/// The sizes of an attention: HEADS of queries share GROUPS of keys and values; a query and a key
/// have DEPTH columns, a value WIDTH. CAUSAL: query i sees keys 0 to i.
template <class PRODUCTS, int HEADS, int GROUPS, int QUERIES, int KEYS, int DEPTH, int WIDTH,
          bool CAUSAL>
struct gptc_attention_shape {
  typedef PRODUCTS products;
  typedef typename PRODUCTS::element element;
  static constexpr int heads = HEADS, groups = GROUPS, group_heads = HEADS / GROUPS;
  static constexpr int queries = QUERIES, keys = KEYS, depth = DEPTH, width = WIDTH;
  static constexpr bool causal = CAUSAL;
};

/// COLUMNS columns as they lie in tiles and fragments, where SPLIT warps share them.
template <class ELEMENT, int COLUMNS, int SPLIT> struct gptc_attention_columns {
  static constexpr int unit = 16 * SPLIT;
  static constexpr int padded = (COLUMNS + unit - 1) / unit * unit;
  static constexpr int own = padded / SPLIT; // those of a warp
  // Elements between a tile's rows: a warp's reads, by ldmatrix and of single columns, are of 32
  // different banks.
  static constexpr int pitch = padded + gptc_wide<ELEMENT>;
};

//===- Global memory --------------------------------------------------------===//

/// A matrix: rows ROW elements apart, columns one.
template <class VIEW, gptc_i64 ROW> struct gptc_attention_matrix {
  typedef typename VIEW::element element;
  static constexpr gptc_i64 row_stride = ROW;
  static constexpr int wide = gptc_wide<element>;
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

/// Begins the copies of ROWS rows, COLUMNS columns of `matrix`, from `row` on, to `first` elements
/// from the start of shared memory, UNIT elements at once. The matrix ends at row `end`; zeros
/// arrive for what is beyond. Single elements of 16 bits, too small for an asynchronous copy, are
/// there at the block's next barrier.
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
  constexpr bool is_async = UNIT > 1 || MATRIX::wide == 4;
  constexpr int together = is_async ? ROWS : 4;
#pragma unroll together
  for (int r = 0; r < ROWS; r += down) {
    if (ROWS % down && r + own >= ROWS)
      break;
    bool valid = inside && row + own + r < end;
    const gptc_i64 index = source + r * MATRIX::row_stride;
    matrix.view.check(valid ? index + UNIT - 1 : 0);
    if constexpr (UNIT > 1)
      gptc_copy_async_16(&shared[first + r * LAYOUT::pitch], matrix.view.data + index, valid);
    else if constexpr (is_async)
      gptc_copy_async_4(&shared[first + r * LAYOUT::pitch], matrix.view.data + index, valid);
    else if (valid)
      shared[first + r * LAYOUT::pitch] = matrix.view.data[index];
    else
      shared[first + r * LAYOUT::pitch] = {0};
  }
}
/// The same, 16 bytes at once where the matrix's place and shape allow it.
template <int ROWS, int COLUMNS, class LAYOUT, class SHARED, class MATRIX>
GPTC_DEVICE void gptc_attention_fetch(SHARED &shared, gptc_u32 first, const MATRIX &matrix, int row,
                                      int end) {
  constexpr int wide = MATRIX::wide;
  if constexpr (COLUMNS % wide == 0 && MATRIX::row_stride % wide == 0) {
    if ((gptc_u64)(matrix.view.data + matrix.first) % 16 == 0)
      return gptc_attention_copy<wide, ROWS, COLUMNS, LAYOUT>(shared, first, matrix, row, end);
  }
  gptc_attention_copy<1, ROWS, COLUMNS, LAYOUT>(shared, first, matrix, row, end);
}

/// The lane's part of 16 rows and a step's columns of a tile, as two fragments of rhs where the
/// tile's columns are summed over (the product is lhs · tileᵀ).
template <class PRODUCTS, int PITCH, class SHARED>
GPTC_DEVICE void gptc_attention_rows(gptc_u32 (&fragment)[4], SHARED &shared, gptc_u32 first,
                                     int row, int column) {
  int lane = gptc_lane();
  row += lane / 16 * 8 + lane % 8;
  column += lane / 8 % 2 * (PRODUCTS::step / 2);
  gptc_ldmatrix_x4(fragment, &shared[first + row * PITCH + column]);
}

/// The lane's part of 16 rows and a step's columns of a tile, as a fragment of lhs.
template <class PRODUCTS, int PITCH, class SHARED>
GPTC_DEVICE void gptc_attention_lhs(gptc_u32 (&fragment)[4], SHARED &shared, gptc_u32 first,
                                    int row, int column) {
  int lane = gptc_lane();
  row += lane % 16;
  column += lane / 16 * (PRODUCTS::step / 2);
  gptc_ldmatrix_x4(fragment, &shared[first + row * PITCH + column]);
}

/// The lane's part of a step's rows and 16 columns of a tile, as two fragments of rhs where the
/// tile's rows are summed over. Rows of float are in the order 0, 2, 4, 6, 1, 3, 5, 7, in which
/// gptc_attention_weights gives lhs.
template <class PRODUCTS, int PITCH, class SHARED>
GPTC_DEVICE void gptc_attention_row_sums(gptc_u32 (&fragment)[4], SHARED &shared, gptc_u32 first,
                                         int row, int column) {
  int lane = gptc_lane();
  if constexpr (PRODUCTS::step == 16) {
    gptc_ldmatrix_x4_trans(fragment,
                           &shared[first + (row + lane % 16) * PITCH + column + lane / 16 * 8]);
  } else {
    first += (row + lane % 4 * 2) * PITCH + column + lane / 4;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      fragment[i] = gptc_as_u32(shared[first + i % 2 * PITCH + i / 2 * 8]);
  }
}

//===- Registers ------------------------------------------------------------===//
// A warp has 16 rows of a result: lane l the rows l / 4 and l / 4 + 8, of each 8 columns those of
// l % 4 · 2 and one more. Element i of the lane's four:
GPTC_DEVICE int gptc_attention_row(int i) { return gptc_lane() / 4 + i / 2 * 8; }
GPTC_DEVICE int gptc_attention_column(int i) { return gptc_lane() % 4 * 2 + i % 2; }

/// Two elements as a word of a fragment.
template <class ELEMENT> GPTC_DEVICE gptc_u32 gptc_attention_pair(ELEMENT low, ELEMENT high) {
  return low.bits | (gptc_u32)high.bits << 16;
}

/// Loads 16 rows as fragments of lhs, COUNT of a step's columns each, from `column` on.
template <class PRODUCTS, int COUNT, int COLUMNS, class MATRIX>
GPTC_DEVICE void gptc_attention_load(gptc_u32 (&fragments)[COUNT][4], const MATRIX &matrix, int row,
                                     int end, int column) {
  constexpr int half = PRODUCTS::step / 2, together = half / 4; // elements of a word
  row += gptc_lane() / 4;
  column += gptc_lane() % 4 * together;
  const gptc_i64 first = matrix.find(row, column);
#pragma unroll
  for (int i = 0; i < 4 * COUNT; ++i) {
    const int r = i % 2 * 8, c = i / 4 * PRODUCTS::step + i / 2 % 2 * half;
    auto element = [&](int j) {
      return row + r < end && column + c + j < COLUMNS
                 ? matrix.view[first + r * MATRIX::row_stride + c + j]
                 : typename PRODUCTS::element{0};
    };
    if constexpr (together == 1)
      fragments[i / 4][i % 4] = gptc_as_u32(element(0));
    else
      fragments[i / 4][i % 4] = gptc_attention_pair(element(0), element(1));
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
      matrix.view[first + r * MATRIX::row_stride + c] =
          gptc_from_float<typename MATRIX::element>(values[i / 4][i % 4]);
  }
}

/// A step's columns of a result as lhs of the next product, so that the elements stay in their
/// lanes: of 16 bits they are rounded, of float in the order 0, 2, 4, 6, 1, 3, 5, 7.
template <class PRODUCTS, int COUNT>
GPTC_DEVICE void gptc_attention_weights(gptc_u32 (&fragment)[4], const float (&values)[COUNT][4],
                                        int step) {
  if constexpr (PRODUCTS::step == 16) {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      fragment[i] = PRODUCTS::pack(values[2 * step + i / 2][i % 2 * 2],
                                   values[2 * step + i / 2][i % 2 * 2 + 1]);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      fragment[i] = gptc_as_u32(values[step][i % 2 * 2 + i / 2]);
  }
}

/// A fragment that the kernel holds: its split is computed where it is used, rather than kept too.
template <class PRODUCTS>
GPTC_DEVICE void gptc_attention_held(gptc_u32 (&fragment)[4], const gptc_u32 (&held)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i)
    fragment[i] = PRODUCTS::is_split ? gptc_opaque(held[i]) : held[i];
}

/// Adds to 16 rows, 8 · TILES columns of `total` a product over STEPS steps, TILES even.
/// `lhs(fragment, step)` gives a fragment of lhs, `rhs(fragment, step, tile)` those of `tile` and
/// the next. The sums of TOGETHER tiles are in registers at once: the more, the less often lhs is
/// prepared.
template <class PRODUCTS, int STEPS, int TOGETHER, int TILES, class LHS, class RHS>
GPTC_DEVICE void gptc_attention_multiply(float (&total)[TILES][4], LHS &&lhs, RHS &&rhs) {
  static_assert(TILES % 2 == 0, "fragments of rhs come in pairs");
  static_assert(!PRODUCTS::is_split || STEPS % 2 == 0, "sums are of 16");
  constexpr int together = TILES % TOGETHER == 0 ? TOGETHER : 2;
  constexpr int summed = PRODUCTS::is_split ? 2 : 1; // steps before a sum is added to the total
#pragma unroll
  for (int first = 0; first < TILES; first += together) {
    float corrections[together][4] = {};
#pragma unroll
    for (int step = 0; step < STEPS; step += summed) {
      float sum[together][4] = {};
#pragma unroll
      for (int half = 0; half < summed; ++half) {
        gptc_u32 values[4], lhs_high[4], lhs_low[4], rhs_high[4], rhs_low[4];
        lhs(values, step + half);
        PRODUCTS::prepare(values, lhs_high, lhs_low);
#pragma unroll
        for (int tile = 0; tile < together; tile += 2) {
          rhs(values, step + half, first + tile);
          PRODUCTS::prepare(values, rhs_high, rhs_low);
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            const gptc_u32 high[2] = {rhs_high[2 * i], rhs_high[2 * i + 1]};
            if constexpr (PRODUCTS::is_split) {
              const gptc_u32 low[2] = {rhs_low[2 * i], rhs_low[2 * i + 1]};
              PRODUCTS::multiply(corrections[tile + i], lhs_low, high);
              PRODUCTS::multiply(corrections[tile + i], lhs_high, low);
              PRODUCTS::multiply(sum[tile + i], lhs_high, high);
            } else {
              PRODUCTS::multiply(total[first + tile + i], lhs_high, high);
            }
          }
        }
      }
      if constexpr (PRODUCTS::is_split) {
#pragma unroll
        for (int i = 0; i < 4 * together; ++i)
          total[first + i / 4][i % 4] += sum[i / 4][i % 4];
      }
    }
    if constexpr (PRODUCTS::is_split) {
#pragma unroll
      for (int i = 0; i < 4 * together; ++i) {
        // Of infinities the corrections are NaN.
        float &place = total[first + i / 4][i % 4];
        if (gptc_isfinite(place))
          place += corrections[i / 4][i % 4];
      }
    }
  }
}
