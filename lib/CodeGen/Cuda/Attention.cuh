// Attention without its matrix of scores: FlashAttention-2 (Dao, "FlashAttention-2: Faster
// Attention with Better Parallelism and Work Partitioning", 2023), for sm_80 and later. Follows
// AttentionTiles.cuh in a module.
//
//   o = softmax(scale · q kᵀ + mask) v,  lse = log of the sum of exp(scale · q kᵀ + mask)
//
// A block has 64 queries of a head, a warp 16 of them: their o is in registers, as are the queries.
// Tiles of keys and values pass through shared memory, one being read while the next arrives. Of
// the scores x that came by, a query keeps the largest, m, and the sum of exp(x - m); a larger m
// scales that sum and o. Tiles that no query of the block may see are left out.
//
// Precision: with e the error of a score (AttentionTiles.cuh; in fp32 below 2^-18 scale · |q|·|k|),
// a weight is off by a factor of exp(2 e), and by 2^-22 for exp, the division and the scalings, of
// which those of small m's count little. Of 16 bits, a weight is rounded before it is multiplied by
// its value, but not where it is added to the sum, and o is rounded: with u = 2^-8 for bf16 and
// 2^-11 for f16 that is u · (the sum of p |v|, and |o|) at most. A fully masked query cannot occur;
// one whose scores are all -inf gets NaN, as softmax gives.
//
// Launch: (batches · heads · ceil(queries / 64)) blocks of 128 threads.

/// Keys in a tile: 32, or 16 where two stages of 32 are too large.
template <class SHAPE> struct gptc_attention_tile {
  typedef typename SHAPE::element element;
  typedef gptc_attention_columns<element, SHAPE::depth, 1> depth;
  typedef gptc_attention_columns<element, SHAPE::width, 1> width;
  static constexpr int row_size = depth::pitch + width::pitch;
  static constexpr int keys =
      2 * 32 * row_size * sizeof(element) <= gptc_attention_shared_bytes ? 32 : 16;
  static constexpr int stage_size = keys * row_size;
  static constexpr int together = keys == 32 ? 4 : 2; ///< for gptc_attention_multiply
};

/// The work of block `row`. `lse` may be gptc_attention_unused.
template <class SHAPE, class Q, class K, class V, class O, class LSE>
GPTC_DEVICE void gptc_attention(const Q &q, const K &k, const V &v, const O &o, const LSE &lse,
                                float scale, gptc_u32 row) {
  typedef gptc_attention_tile<SHAPE> tile;
  typedef typename SHAPE::products products;
  typedef typename SHAPE::element element;
  typedef typename tile::depth depth;
  typedef typename tile::width width;
  GPTC_SHARED(element, shared, 2 * tile::stage_size);

  constexpr int blocks = (SHAPE::queries + 63) / 64;
  const int head = row / blocks % SHAPE::heads, batch = row / blocks / SHAPE::heads;
  const int group = head / SHAPE::group_heads;
  // The last queries see the most keys: they begin first.
  const int query0 = 64 * (SHAPE::causal ? blocks - 1 - row % blocks : row % blocks);
  const int end = SHAPE::causal && query0 + 64 < SHAPE::keys ? query0 + 64 : SHAPE::keys;
  const auto keys = k.of(batch, group);
  const auto values = v.of(batch, group);
  auto fetch = [&](int key0) {
    gptc_u32 first = key0 / tile::keys % 2 * tile::stage_size;
    if (key0 < end) {
      gptc_attention_fetch<tile::keys, SHAPE::depth, depth>(shared, first, keys, key0, SHAPE::keys);
      gptc_attention_fetch<tile::keys, SHAPE::width, width>(
          shared, first + tile::keys * depth::pitch, values, key0, SHAPE::keys);
    }
    gptc_copy_commit();
  };
  fetch(0);

  const int own = query0 + gptc_thread() / 32 * 16; // the warp's first query
  constexpr int steps = depth::own / products::step;
  gptc_u32 queries[steps][4];
  gptc_attention_load<products, steps, SHAPE::depth>(queries, q.of(batch, head), own,
                                                     SHAPE::queries, 0);
  float total[width::own / 8][4] = {};
  // Of the rows l / 4 and l / 4 + 8; a lane's sum is of its own columns.
  float largest[2] = {gptc_as_float(0xff800000u), gptc_as_float(0xff800000u)}, sum[2] = {};

  for (int key0 = 0; key0 < end; key0 += tile::keys) {
    gptc_copy_wait<0>();
    gptc_sync(); // The tile is there, and the one before, whose place the next takes, has been
                 // read.
    fetch(key0 + tile::keys);
    if (SHAPE::causal && key0 > own + 15)
      continue;
    const gptc_u32 first = key0 / tile::keys % 2 * tile::stage_size;

    float x[tile::keys / 8][4] = {};
    gptc_attention_multiply<products, steps, tile::together>(
        x,
        [&](gptc_u32(&fragment)[4], int step) {
          gptc_attention_held<products>(fragment, queries[step]);
        },
        [&](gptc_u32(&fragment)[4], int step, int part) {
          gptc_attention_rows<products, depth::pitch>(fragment, shared, first, 8 * part,
                                                      products::step * step);
        });
    const bool whole =
        SHAPE::causal ? key0 + tile::keys <= own + 1 : key0 + tile::keys <= SHAPE::keys;
    float seen[2] = {largest[0], largest[1]};
#pragma unroll
    for (int i = 0; i < tile::keys / 2; ++i) {
      float &value = x[i / 4][i % 4];
      value *= scale;
      if (!whole) {
        int key = key0 + i / 4 * 8 + gptc_attention_column(i % 4);
        if (key >= SHAPE::keys || (SHAPE::causal && key > own + gptc_attention_row(i % 4)))
          value = gptc_as_float(0xff800000u);
      }
      seen[i % 4 / 2] = gptc_maximum(seen[i % 4 / 2], value);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      seen[i] = gptc_maximum(seen[i], gptc_shuffle_xor(seen[i], 1));
      seen[i] = gptc_maximum(seen[i], gptc_shuffle_xor(seen[i], 2));
      // Where all were -inf, exp(-inf - 0) is 0, while -inf - -inf is NaN.
      float shift = seen[i] == gptc_as_float(0xff800000u) ? 0.0f : seen[i];
      float factor = gptc_exp(largest[i] - shift);
      largest[i] = seen[i];
      sum[i] *= factor;
#pragma unroll
      for (int j = 0; j < tile::keys / 4; ++j) {
        float &value = x[j / 2][2 * i + j % 2];
        value = gptc_exp(value - shift);
        sum[i] += value;
      }
#pragma unroll
      for (int j = 0; j < width::own / 4; ++j)
        total[j / 2][2 * i + j % 2] *= factor;
    }
    gptc_attention_multiply<products, tile::keys / products::step, tile::together>(
        total,
        [&](gptc_u32(&fragment)[4], int step) {
          gptc_attention_weights<products>(fragment, x, step);
        },
        [&](gptc_u32(&fragment)[4], int step, int part) {
          gptc_attention_row_sums<products, width::pitch>(
              fragment, shared, first + tile::keys * depth::pitch, products::step * step, 8 * part);
        });
  }

#pragma unroll
  for (int i = 0; i < 2; ++i) {
    sum[i] += gptc_shuffle_xor(sum[i], 1);
    sum[i] += gptc_shuffle_xor(sum[i], 2);
    const float reciprocal = 1.0f / sum[i];
#pragma unroll
    for (int j = 0; j < width::own / 4; ++j)
      total[j / 2][2 * i + j % 2] *= reciprocal;
    if constexpr (LSE::used) {
      int query = own + gptc_attention_row(2 * i);
      if (gptc_lane() % 4 == 0 && query < SHAPE::queries)
        lse.of(batch, head).at(query, 0) = largest[i] + gptc_log(sum[i]);
    }
  }
  gptc_attention_store<SHAPE::width>(total, o.of(batch, head), own, SHAPE::queries, 0);
}
