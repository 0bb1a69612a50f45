// Kernels with a planted fault each, and two without. The tests expect the emulator to report every
// fault.
#include "gptc_device.h"

// No fault: the sum of 256 elements, by way of shared memory.
GPTC_KERNEL(256) correct(const float *in, float *out) {
  GPTC_SHARED(float, values, 256);
  values[gptc_thread()] = in[gptc_block() * 256 + gptc_thread()];
  gptc_sync();
  for (int distance = 128; distance; distance /= 2) {
    if (gptc_thread() < distance)
      values[gptc_thread()] += values[gptc_thread() + distance];
    gptc_sync();
  }
  float sum = gptc_block_sum<256>(in[gptc_block() * 256 + gptc_thread()]);
  if (gptc_thread() == 0)
    out[gptc_block()] = values[0] + sum;
}

// A race within a block: other warps' values may not be there yet.
GPTC_KERNEL(256) removed_barrier(const float *in, float *out) {
  GPTC_SHARED(float, values, 256);
  values[gptc_thread()] = in[gptc_thread()];
  out[gptc_thread()] = values[255 - gptc_thread()];
}

// A race within a warp: lanes are ordered by gptc_sync_warp alone.
GPTC_KERNEL(32) removed_warp_barrier(const float *in, float *out) {
  GPTC_SHARED(float, values, 32);
  values[gptc_thread()] = in[gptc_thread()];
  float other = gptc_shuffle_xor(in[gptc_thread()], 1);
  out[gptc_thread()] = values[31 - gptc_thread()] + other;
}

// The same with the barrier.
GPTC_KERNEL(32) warp_barrier(const float *in, float *out) {
  GPTC_SHARED(float, values, 32);
  values[gptc_thread()] = in[gptc_thread()];
  gptc_sync_warp();
  out[gptc_thread()] = values[31 - gptc_thread()];
}

// A race between blocks, which barriers do not order.
GPTC_KERNEL(64) shared_cell(const float *in, float *out) {
  gptc_sync();
  if (gptc_thread() == 0)
    out[0] = in[gptc_block()];
  gptc_sync();
}

// The same with as many threads as a block can have.
GPTC_KERNEL(1024) shared_cell_wide(const float *in, float *out) {
  gptc_sync();
  if (gptc_thread() == 0)
    out[0] = in[gptc_block()];
  gptc_sync();
}

// Another block's result is read.
GPTC_KERNEL(64) other_block(const float *in, float *out) {
  if (gptc_thread() == 0)
    out[gptc_block()] = in[gptc_block()];
  gptc_sync();
  if (gptc_thread() == 1)
    out[64 + gptc_block()] = out[gptc_block() ^ 1];
}

GPTC_KERNEL(64) exited_lane(const float *in, float *out) {
  if (gptc_thread() == 40)
    return;
  out[gptc_thread()] = gptc_warp_sum(in[gptc_thread()]);
}

GPTC_KERNEL(64) partial_warp(const float *in, float *out) {
  out[gptc_thread()] = gptc_shuffle(in[gptc_thread()], 0);
}

GPTC_KERNEL(64) different_operations(const float *in, float *out) {
  float value = in[gptc_thread()];
  if (gptc_lane() == 7)
    out[gptc_thread()] = gptc_shuffle(value, 3);
  else
    out[gptc_thread()] = gptc_warp_sum(value);
}

GPTC_KERNEL(256) out_of_bounds(const float *in, float *out) {
  gptc_view<const float, 200> x(in);
  out[gptc_thread()] = x[gptc_thread()];
}

GPTC_KERNEL(256) out_of_shared(const float *in, float *out) {
  GPTC_SHARED(float, values, 256);
  values[gptc_thread() + 1] = in[gptc_thread()];
  gptc_sync();
  out[gptc_thread()] = values[gptc_thread()];
}

GPTC_KERNEL(256) wild_read(const float *in, float *out) {
  out[gptc_thread()] = in[(gptc_i64)gptc_thread() * 1024];
}

GPTC_KERNEL(256) written_beside(const float *in, float *out) {
  if (gptc_thread() == 3)
    out[-1] = in[0];
}

GPTC_KERNEL(256) barrier_after_return(const float *in, float *out) {
  if (gptc_thread() >= 250)
    return;
  gptc_sync();
  out[gptc_thread()] = in[gptc_thread()];
}

GPTC_KERNEL(256) different_barriers(const float *in, float *out) {
  if (gptc_thread() < 128) {
    gptc_sync();
    out[gptc_thread()] = in[gptc_thread()];
  } else {
    gptc_sync();
  }
}

GPTC_KERNEL(64) deadlock(const float *in, float *out) {
  if (gptc_lane() == 0)
    gptc_sync();
  out[gptc_thread()] = gptc_warp_sum(in[gptc_thread()]);
  if (gptc_lane() != 0)
    gptc_sync();
}

GPTC_KERNEL(64) too_much_shared(const float *in, float *out) {
  GPTC_SHARED(float, first, 8192);
  GPTC_SHARED(float, second, 8192);
  first[0] = second[0] = in[0];
  out[0] = first[0];
}

// The copy has not been committed, so that the wait does not wait for it.
GPTC_KERNEL(32) no_commit(const float *in, float *out) {
  GPTC_SHARED(float, values, 32);
  gptc_copy_async_4(&values[gptc_thread()], in + gptc_thread());
  gptc_copy_wait<0>();
  out[gptc_thread()] = values[gptc_thread()];
}

GPTC_KERNEL(32) misaligned_copy(const float *in, float *out) {
  GPTC_SHARED(float, values, 256);
  gptc_copy_async_16(&values[gptc_thread() * 4], in + 1 + gptc_thread() * 4);
  gptc_copy_commit();
  gptc_copy_wait<0>();
  out[gptc_thread()] = values[gptc_thread()];
}
