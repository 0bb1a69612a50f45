// The adjoint of attention, from the log-sum-exp that it left: the scores are computed again (Dao,
// "FlashAttention-2", 2023), for sm_80 and later. Follows AttentionTiles.cuh in a module.
//
//   p = exp(scale · q kᵀ + mask - lse)    δ = sums over rows of do ∘ o
//   ds = scale · p ∘ (do vᵀ - δ)          dq = ds k,  dk = dsᵀ q,  dv = pᵀ do
//
// One launch has blocks of two kinds, so that nothing is added to memory that another block writes,
// and the sums' order is always the same: those of keys write dk and dv of some keys, adding over
// the queries of all heads of the group; those of queries write dq of some queries of a head,
// adding over keys. Both are one algorithm. A block *owns* rows of x1 and x2 (k and v, or q and
// do), of which x1 is in registers, as are the results, and x2 in shared memory if it fits there;
// tiles of y1 and y2 (q and do, or k and v) pass through shared memory, one being read while the
// next arrives:
//
//   s = x1 y1ᵀ    t = x2 y2ᵀ    p, ds from s, t    r1 += ds y1    (keys only) r2 += p y2
//
// A block of keys computes δ of each tile of queries from do and o, one of queries has its own.
//
// A warp owns 16 rows. Where these have more columns than registers can hold, SPLIT = 2 warps share
// them: each has half of the columns of everything, and the two add their halves of s and t.
//
// The factor `scale` of ds is left for the end, where it multiplies dq and dk.
//
// Precision: with e the errors of a score and of lse, p is off by a factor of exp(e); the sums are
// as exact as AttentionTiles.cuh says; do vᵀ - δ cancels, so that ds is off by p times the error of
// do vᵀ, in fp32 2^-18 |do|·|v|. Of 16 bits, p and ds are rounded before they are multiplied, as
// are the results: each product is off by a factor of 1 + u, u = 2^-8 for bf16 and 2^-11 for f16.
//
// Launch: batches · groups rows of `items` blocks each, of 128 threads.

/// How the work is divided, and what lies where in shared memory: in tiles of elements, or among
/// floats.
template <class SHAPE> struct gptc_attention_grad_tile {
  typedef typename SHAPE::element element;
  static constexpr int padded = gptc_attention_columns<element, SHAPE::depth, 1>::padded +
                                gptc_attention_columns<element, SHAPE::width, 1>::padded;
  static constexpr int split = padded <= 128 ? 1 : 2;
  static constexpr int rows = 64 / split; ///< that a block owns
  static constexpr int count = 16;        ///< rows of a tile
  typedef gptc_attention_columns<element, SHAPE::depth, split> depth;
  typedef gptc_attention_columns<element, SHAPE::width, split> width;

  // Two stages of y1 and y2; then o, and x2 where it fits.
  static constexpr int second = count * depth::pitch, stage_size = second + count * width::pitch;
  static constexpr int o = 2 * stage_size, own = o + count * width::pitch;
  // Two stages of lse; then δ, and what warps exchange.
  static constexpr int delta = 2 * count, exchange = delta + count;
  static constexpr int floats = exchange + (split == 1 ? 0 : gptc_attention_threads * count / 2);
  static constexpr bool fits =
      (own + rows * width::pitch) * sizeof(element) + floats * 4 <= gptc_attention_shared_bytes;
  static constexpr int elements = own + (fits ? rows * width::pitch : 0);

  static constexpr int key_items = (SHAPE::keys + rows - 1) / rows;
  static constexpr int query_items = (SHAPE::queries + rows - 1) / rows;
  static constexpr int items = key_items + SHAPE::group_heads * query_items;
};

/// Adds the two halves of sums over columns that two neighbouring warps have.
template <int COUNT, class SHARED>
GPTC_DEVICE void gptc_attention_exchange(float (&values)[COUNT][4], SHARED &shared, int first) {
  const int own = first + gptc_thread(), other = first + (gptc_thread() ^ 32);
  gptc_sync(); // The last ones have been read.
#pragma unroll
  for (int i = 0; i < 4 * COUNT; ++i)
    shared[own + i * gptc_attention_threads] = values[i / 4][i % 4];
  gptc_sync();
#pragma unroll
  for (int i = 0; i < 4 * COUNT; ++i)
    values[i / 4][i % 4] += shared[other + i * gptc_attention_threads];
}

/// The δ of a tile's queries, by all threads.
template <class SHAPE, class SHARED, class FLOATS>
GPTC_DEVICE void gptc_attention_delta(SHARED &shared, FLOATS &floats, int d_o) {
  typedef gptc_attention_grad_tile<SHAPE> tile;
  constexpr int parts = gptc_attention_threads / tile::count;
  const int query = gptc_thread() / parts, part = gptc_thread() % parts;
  const int row = query * tile::width::pitch;
  float sum = 0.0f;
#pragma unroll
  for (int c = 0; c < tile::width::padded; c += parts)
    sum = gptc_fma(gptc_to_float(shared[d_o + row + c + part]),
                   gptc_to_float(shared[tile::o + row + c + part]), sum);
#pragma unroll
  for (int mask = parts / 2; mask; mask /= 2)
    sum += gptc_shuffle_xor(sum, mask);
  if (part == 0)
    floats[tile::delta + query] = sum;
}

/// The work of a block that owns keys (OF_KEYS) or queries, from row `row0` on. y1 and y2 have a
/// matrix for each of `heads` heads from `head0` on; o, d_o and lse are those of the queries.
template <bool OF_KEYS, class SHAPE, class SHARED, class FLOATS, class X1, class X2, class Y1,
          class Y2, class O, class LSE, class R1, class R2>
GPTC_DEVICE void
gptc_attention_grad_block(SHARED &shared, FLOATS &floats, int row0, int batch, int head0, int heads,
                          int query_head, const X1 &x1, const X2 &x2, const Y1 &y1, const Y2 &y2,
                          const O &o, const LSE &lse, const R1 &r1, const R2 &r2, float scale) {
  typedef gptc_attention_grad_tile<SHAPE> tile;
  typedef typename SHAPE::products products;
  typedef typename tile::depth depth;
  typedef typename tile::width width;
  constexpr int rows = OF_KEYS ? SHAPE::keys : SHAPE::queries;
  constexpr int columns = OF_KEYS ? SHAPE::queries : SHAPE::keys;
  const int begin = SHAPE::causal && OF_KEYS ? row0 / tile::count * tile::count : 0;
  const int end =
      SHAPE::causal && !OF_KEYS && row0 + tile::rows < columns ? row0 + tile::rows : columns;

  // The tile that is fetched next, and its place.
  int next_head = 0, next = begin, arriving = 0;
  auto fetch = [&] {
    if (next_head < heads) {
      const int head = head0 + next_head;
      gptc_attention_fetch<tile::count, SHAPE::depth, depth>(shared, arriving, y1.of(batch, head),
                                                             next, columns);
      gptc_attention_fetch<tile::count, SHAPE::width, width>(shared, arriving + tile::second,
                                                             y2.of(batch, head), next, columns);
      if constexpr (OF_KEYS) {
        gptc_attention_fetch<tile::count, SHAPE::width, width>(shared, tile::o, o.of(batch, head),
                                                               next, columns);
        if (gptc_thread() < tile::count) {
          bool valid = next + (int)gptc_thread() < columns;
          gptc_copy_async_4(
              &floats[(arriving ? tile::count : 0) + gptc_thread()],
              valid ? &lse.of(batch, head).at(next + gptc_thread(), 0) : lse.view.data, valid);
        }
      }
    }
    gptc_copy_commit();
    next += tile::count;
    if (next >= end) {
      next = begin;
      ++next_head;
    }
    arriving = arriving ? 0 : tile::stage_size;
  };
  if constexpr (tile::fits) // with the first tile
    gptc_attention_fetch<tile::rows, SHAPE::width, width>(shared, tile::own, x2, row0, rows);
  fetch();

  // What the warp owns: 16 rows, and its part of the columns.
  const int warp = gptc_thread() / 32, own = row0 + warp / tile::split * 16;
  const int depth0 = warp % tile::split * depth::own, width0 = warp % tile::split * width::own;
  float own_lse[2] = {}, own_delta[2] = {}; // of the rows l / 4 and l / 4 + 8, which are queries
  if constexpr (!OF_KEYS) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      int query = own + gptc_attention_row(2 * i);
      if (query < rows) {
        own_lse[i] = lse.of(batch, query_head).at(query, 0);
#pragma unroll 1
        for (int c = gptc_lane() % 4; c < SHAPE::width; c += 4)
          own_delta[i] =
              gptc_fma(gptc_to_float(x2.at(query, c)),
                       gptc_to_float(o.of(batch, query_head).at(query, c)), own_delta[i]);
      }
      own_delta[i] += gptc_shuffle_xor(own_delta[i], 1);
      own_delta[i] += gptc_shuffle_xor(own_delta[i], 2);
    }
  }
  constexpr int steps1 = depth::own / products::step, steps2 = width::own / products::step;
  constexpr int rows_steps = tile::count / products::step;
  gptc_u32 own1[steps1][4], own2[tile::fits ? 1 : steps2][4];
  gptc_attention_load<products, steps1, SHAPE::depth>(own1, x1, own, rows, depth0);
  if constexpr (!tile::fits)
    gptc_attention_load<products, steps2, SHAPE::width>(own2, x2, own, rows, width0);
  float total1[depth::own / 8][4] = {}, total2[width::own / 8][4] = {};

  int first = 0;
  for (int head = 0; head < heads; ++head) {
    for (int column0 = begin; column0 < end; column0 += tile::count) {
      gptc_copy_wait<0>();
      gptc_sync(); // The tile is there, and the one before has been read.
      const int second = first + tile::second, tile_lse = first ? tile::count : 0;
      if constexpr (OF_KEYS) {
        gptc_attention_delta<SHAPE>(shared, floats, second);
        gptc_sync(); // δ is there, and o has been read.
      }
      fetch();
      const int current = first;
      first = first ? 0 : tile::stage_size;
      // Without a barrier in what follows, a warp may leave out what it cannot see.
      if (SHAPE::causal && tile::split == 1 &&
          (OF_KEYS ? column0 + tile::count <= own : column0 > own + 15))
        continue;

      float p[tile::count / 8][4] = {}, ds[tile::count / 8][4] = {};
      gptc_attention_multiply<products, steps1, 2>(
          p,
          [&](gptc_u32(&fragment)[4], int step) {
            gptc_attention_held<products>(fragment, own1[step]);
          },
          [&](gptc_u32(&fragment)[4], int step, int part) {
            gptc_attention_rows<products, depth::pitch>(fragment, shared, current, 8 * part,
                                                        depth0 + products::step * step);
          });
      gptc_attention_multiply<products, steps2, 2>(
          ds,
          [&](gptc_u32(&fragment)[4], int step) {
            if constexpr (tile::fits)
              gptc_attention_lhs<products, width::pitch>(fragment, shared, tile::own, own - row0,
                                                         width0 + products::step * step);
            else
              gptc_attention_held<products>(fragment, own2[step]);
          },
          [&](gptc_u32(&fragment)[4], int step, int part) {
            gptc_attention_rows<products, width::pitch>(fragment, shared, second, 8 * part,
                                                        width0 + products::step * step);
          });
      if constexpr (tile::split == 2) {
        gptc_attention_exchange(p, floats, tile::exchange);
        gptc_attention_exchange(ds, floats, tile::exchange);
      }
      const bool whole =
          column0 + tile::count <= columns &&
          (!SHAPE::causal || (OF_KEYS ? column0 >= own + 15 : column0 + tile::count <= own + 1));
#pragma unroll
      for (int i = 0; i < tile::count / 2; ++i) {
        float &weight = p[i / 4][i % 4], &adjoint = ds[i / 4][i % 4];
        const int in_tile = i / 4 * 8 + gptc_attention_column(i % 4), column = column0 + in_tile;
        const int row = own + gptc_attention_row(i % 4);
        float log_sum = own_lse[i % 4 / 2], delta = own_delta[i % 4 / 2];
        if constexpr (OF_KEYS) {
          log_sum = floats[tile_lse + in_tile];
          delta = floats[tile::delta + in_tile];
        }
        const bool visible = whole | ((column < columns) &
                                      (!SHAPE::causal | (OF_KEYS ? row <= column : column <= row)));
        weight = gptc_exp(visible ? weight * scale - log_sum : gptc_as_float(0xff800000u));
        adjoint = weight * (adjoint - delta);
      }
      gptc_attention_multiply<products, rows_steps, 2>(
          total1,
          [&](gptc_u32(&fragment)[4], int step) {
            gptc_attention_weights<products>(fragment, ds, step);
          },
          [&](gptc_u32(&fragment)[4], int step, int part) {
            gptc_attention_row_sums<products, depth::pitch>(
                fragment, shared, current, products::step * step, depth0 + 8 * part);
          });
      if constexpr (OF_KEYS)
        gptc_attention_multiply<products, rows_steps, 2>(
            total2,
            [&](gptc_u32(&fragment)[4], int step) {
              gptc_attention_weights<products>(fragment, p, step);
            },
            [&](gptc_u32(&fragment)[4], int step, int part) {
              gptc_attention_row_sums<products, width::pitch>(
                  fragment, shared, second, products::step * step, width0 + 8 * part);
            });
    }
  }
#pragma unroll
  for (int i = 0; i < depth::own / 2; ++i)
    total1[i / 4][i % 4] *= scale;
  gptc_attention_store<SHAPE::depth>(total1, r1, own, rows, depth0);
  if constexpr (OF_KEYS)
    gptc_attention_store<SHAPE::width>(total2, r2, own, rows, width0);
}

/// The work of block `block` of batches · groups · items.
template <class SHAPE, class Q, class K, class V, class O, class LSE, class D_O, class D_Q,
          class D_K, class D_V>
GPTC_DEVICE void gptc_attention_grad(const Q &q, const K &k, const V &v, const O &o, const LSE &lse,
                                     const D_O &d_o, const D_Q &d_q, const D_K &d_k, const D_V &d_v,
                                     float scale, gptc_u32 block) {
  typedef gptc_attention_grad_tile<SHAPE> tile;
  typedef typename SHAPE::element element;
  GPTC_SHARED(element, shared, tile::elements);
  GPTC_SHARED(float, floats, tile::floats);
  int item = block % tile::items;
  const int group = block / tile::items % SHAPE::groups;
  const int batch = block / tile::items / SHAPE::groups, head0 = group * SHAPE::group_heads;
  if (item < tile::key_items) {
    // The first keys are seen by the most queries, and begin first.
    gptc_attention_grad_block<true, SHAPE>(shared, floats, item * tile::rows, batch, head0,
                                           SHAPE::group_heads, head0, k.of(batch, group),
                                           v.of(batch, group), q, d_o, o, lse, d_k.of(batch, group),
                                           d_v.of(batch, group), scale);
  } else {
    // So do the last queries, which see the most keys.
    item = tile::items - 1 - item;
    const int head = head0 + item / tile::query_items;
    gptc_attention_grad_block<false, SHAPE>(shared, floats, item % tile::query_items * tile::rows,
                                            batch, group, 1, head, q.of(batch, head),
                                            d_o.of(batch, head), k, v, o, lse, d_q.of(batch, head),
                                            gptc_attention_unused(), scale);
  }
}
