// Row kernels in CUDA C++: what a thread, a warp or a block takes, and where values stay between loops.
// RUN: gptc-opt %s --split-input-file --plan-print-cuda -o %t.mlir | FileCheck %s

// Without reductions a thread takes an element. An operand without a name has its number.
// CHECK-LABEL: // row kernel
// CHECK:       GPTC_DEVICE void add_block(const float* [[X:v[0-9]+]], const float* [[B:v[0-9]+]], float* [[Y:v[0-9]+]], int64_t [[ROWS:v[0-9]+]], uint32_t [[BLOCK:v[0-9]+]]) {
// CHECK-NEXT:    const gptc_view<const float, 88> operand0([[X]]);
// CHECK-NEXT:    const gptc_view<const float, 8> operand1([[B]]);
// CHECK-NEXT:    const gptc_view<float, 48> operand2([[Y]]);
// CHECK-NEXT:    const int32_t rows = [[ROWS]];
// CHECK-NEXT:    const int32_t block = [[BLOCK]];
// CHECK-NEXT:    const int32_t item = block * 256 + gptc_thread();
// CHECK-NEXT:    if (item < rows * 8) {
// CHECK-NEXT:      const int32_t row = item / 8;
// CHECK-NEXT:      const int32_t column = item % 8;
// CHECK-NEXT:      const float operand0_v = operand0[row * 16 + column];
// CHECK-NEXT:      const float operand1_v = operand1[column];
// CHECK-NEXT:      operand2[row * 8 + column] = operand0_v + operand1_v;
// CHECK-NEXT:    }
// CHECK:       GPTC_KERNEL(256) add(const float *operand0, const float *operand1, float *operand2, gptc_i64 rows) {
// CHECK-NEXT:    add_block(operand0, operand1, operand2, rows, gptc_block());
plan.kernel @add "row" rows 6 layouts [memref<2x3x8xf32, strided<[48, 16, 1]>>, memref<8xf32>, memref<2x3x8xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<2x3x8xf32>, %b: tensor<8xf32>):
  %y = gpt.map(%x, %b) : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32> {
  ^bb0(%p: f32, %q: f32):
    %0 = arith.addf %p, %q : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<2x3x8xf32>
}

// -----

// A row of up to 1024 elements is a warp's. What is divided by is computed once a row; a row's value is
// written by one lane, when all have read. An expensive value is kept in the output that comes later.
// CHECK-LABEL: // row kernel
// CHECK:         const int32_t row = block * 4 + gptc_thread() / 32;
// CHECK-NEXT:    const int32_t lane = gptc_lane();
// CHECK-NEXT:    if (row < rows) {
// CHECK-NEXT:      float sum_of_lane = 0.0f;
// CHECK-NEXT:      for (int32_t c = lane; c < 40; c += 32) {
// CHECK-NEXT:        const float operand0_v = operand0[row * 40 + c];
// CHECK-NEXT:        float [[E:v[0-9]+]] = gptc_exp(operand0_v);
// CHECK-NEXT:        sum_of_lane += [[E]];
// CHECK-NEXT:        operand1[row * 40 + c] = [[E]];
// CHECK-NEXT:      }
// CHECK-NEXT:      const float sum = gptc_warp_sum(sum_of_lane);
// CHECK-NEXT:      gptc_sync_warp();
// CHECK-NEXT:      if (lane == 0) {
// CHECK-NEXT:        operand2[row] = sum;
// CHECK-NEXT:      }
// CHECK-NEXT:      for (int32_t c_2 = lane; c_2 < 40; c_2 += 32) {
// CHECK-NEXT:        const float operand1_v = operand1[row * 40 + c_2];
// CHECK-NEXT:        operand1[row * 40 + c_2] = operand1_v / sum;
// CHECK:       GPTC_KERNEL(128) softmax(
plan.kernel @softmax "row" rows 6 layouts [memref<6x40xf32>, memref<6x40xf32>, memref<6xf32>] accumulate [false, false] in_place [-1, -1] {
^bb0(%x: tensor<6x40xf32>):
  %e = gpt.map(%x) : (tensor<6x40xf32>) -> tensor<6x40xf32> {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    gpt.yield %0 : f32
  }
  %s = gpt.reduce sum %e [1] : tensor<6x40xf32> -> tensor<6xf32>
  %c = gpt.reshape %s : tensor<6xf32> -> tensor<6x1xf32>
  %y = gpt.map(%e, %c) : (tensor<6x40xf32>, tensor<6x1xf32>) -> tensor<6x40xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.divf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y, %s : tensor<6x40xf32>, tensor<6xf32>
}

// -----

// A longer row is a block's; what no output can keep stays in shared memory.
// CHECK-LABEL: // row kernel
// CHECK:         const int32_t row = block;
// CHECK-NEXT:    const int32_t lane = gptc_thread();
// CHECK-NEXT:    GPTC_SHARED(float, keep, 2000);
// CHECK:         for (int32_t c = lane; c < 2000; c += 256) {
// CHECK:           keep[c] =
// CHECK:         const float max = gptc_block_max<256>(max_of_lane);
// CHECK:         for (int32_t c_2 = lane; c_2 < 2000; c_2 += 256) {
// CHECK-NEXT:      const float kept_2 = keep[c_2];
// CHECK:         const float sum = gptc_block_sum<256>(sum_of_lane);
// CHECK-NEXT:    gptc_sync();
// CHECK-NEXT:    if (lane == 0) {
// CHECK-NEXT:      operand1[row] = sum;
// CHECK:       GPTC_KERNEL(256) long(
plan.kernel @long "row" rows 6 layouts [memref<6x2000xf32>, memref<6xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<6x2000xf32>):
  %e = gpt.map(%x) : (tensor<6x2000xf32>) -> tensor<6x2000xf32> {
  ^bb0(%a: f32):
    %0 = math.exp %a : f32
    gpt.yield %0 : f32
  }
  %m = gpt.reduce max %e [1] : tensor<6x2000xf32> -> tensor<6xf32>
  %c = gpt.reshape %m : tensor<6xf32> -> tensor<6x1xf32>
  %d = gpt.map(%e, %c) : (tensor<6x2000xf32>, tensor<6x1xf32>) -> tensor<6x2000xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.subf %a, %b : f32
    gpt.yield %0 : f32
  }
  %s = gpt.reduce sum %d [1] : tensor<6x2000xf32> -> tensor<6xf32>
  gpt.yield %s : tensor<6xf32>
}

// -----

// A gather reads its index once a row; constants that are no splat are tables; -inf and unordered
// comparisons are written in C++'s terms.
// CHECK-LABEL: // row kernel
// CHECK:       GPTC_TABLE float gather_table0[8] = {0x1p0f, 0x1p1f,
// CHECK:           const int32_t operand0_v = operand0[row];
// CHECK-NEXT:      const float operand1_v = operand1[operand0_v * 16 + column];
// CHECK-NEXT:      const float gather_table0_v = gather_table0[column];
// CHECK-NEXT:      operand2[row * 8 + column] = !(operand1_v <= gather_table0_v) ? operand1_v : -GPTC_INFINITY;
plan.kernel @gather "row" rows 3 layouts [memref<3xi32>, memref<11x8xf32, strided<[16, 1]>>, memref<3x8xf32>] accumulate [false] in_place [-1] {
^bb0(%i: tensor<3xi32>, %w: tensor<11x8xf32>):
  %t = arith.constant dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]> : tensor<8xf32>
  %e = gpt.embedding %i, %w : tensor<3xi32>, tensor<11x8xf32> -> tensor<3x8xf32>
  %y = gpt.map(%e, %t) : (tensor<3x8xf32>, tensor<8xf32>) -> tensor<3x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %c = arith.constant 0xFF800000 : f32
    %0 = arith.cmpf ugt, %a, %b : f32
    %1 = arith.select %0, %a, %c : f32
    gpt.yield %1 : f32
  }
  gpt.yield %y : tensor<3x8xf32>
}

// -----

// Random numbers are functions of the element's number, the key and the stream; what accumulates is read first.
// CHECK-LABEL: // row kernel
// CHECK:           float [[U:v[0-9]+]] = gptc_random(row * 8 + column, operand0_v, operand0_v_2, operand0_v_3, operand0_v_4, 0x{{[0-9a-f]+}}u, 0x{{[0-9a-f]+}}u);
// CHECK:           const float operand1_v = operand1[row * 8 + column];
// CHECK-NEXT:      operand1[row * 8 + column] = operand1_v + [[U]];
plan.kernel @random "row" rows 6 layouts [memref<4xi32>, memref<2x3x8xf32>] accumulate [true] in_place [-1] {
^bb0(%key: tensor<4xi32>):
  %u = gpt.random %key stream "mlp" : tensor<4xi32> -> tensor<2x3x8xf32>
  gpt.yield %u : tensor<2x3x8xf32>
}

// -----

// Operands are named after the tensors that they are in the first launch; several instances have a table.
// CHECK-LABEL: // row kernel
// CHECK:         const gptc_view<const float, 40> ln_1_weight(
// CHECK-NEXT:    const gptc_view<const float, 40> learning_rate(
// CHECK-NEXT:    const gptc_view<float, 40> gradient_ln_1_weight(
// CHECK-NOT:   GPTC_KERNEL(256) scale(
// CHECK:       GPTC_KERNEL(256) scale_instances(const gptc_u64 *table, int instances) {
// CHECK-NEXT:    const gptc_u64 *own = gptc_find_instance(table, instances, 5);
// CHECK-NEXT:    scale_block(gptc_address<const float>(own[0]), gptc_address<const float>(own[1]), gptc_address<float>(own[2]), (gptc_i64)own[3], gptc_block() - (gptc_u32)own[4]);
plan.buffer @b0 in "parameters" bytes 160 offset 0
plan.buffer @b1 in "step" bytes 160 offset 0
plan.buffer @b2 in "gradients" bytes 160 offset 0
plan.tensor "h.0.ln_1.weight" at #plan.view<@b0, 0> strides [8, 1] {} : tensor<5x8xf32>
plan.tensor "step:learning_rate" at #plan.view<@b1, 0> strides [8, 1] {} : tensor<5x8xf32>
plan.tensor "gradient:h.0.ln_1.weight" at #plan.view<@b2, 0> strides [8, 1] {} : tensor<5x8xf32>
plan.kernel @scale "row" rows 3 layouts [memref<3x8xf32>, memref<3x8xf32>, memref<3x8xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<3x8xf32>, %s: tensor<3x8xf32>):
  %y = gpt.map(%x, %s) : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32> {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %b : f32
    gpt.yield %0 : f32
  }
  gpt.yield %y : tensor<3x8xf32>
}
plan.entry @update {
  plan.launch @scale rows [3, 5] grain 1 [[#plan.view<@b0, 0>, #plan.view<@b1, 0>, #plan.view<@b2, 0>], [#plan.view<@b0, 0>, #plan.view<@b1, 0>, #plan.view<@b2, 0>]]
}

// -----

// Sums over blocks of 2 rows without reductions along the row: a block of threads takes 256 columns of such a block, a thread
// adds up its column in a register. One of the sums is added to what is there.
// CHECK-LABEL: // row kernel
// CHECK:         const int32_t column = block % 2 * 256 + gptc_thread();
// CHECK-NEXT:    if (column < 300) {
// CHECK-NEXT:      float sum_of_rows = 0.0f;
// CHECK-NEXT:      float sum_of_rows_2 = 0.0f;
// CHECK-NEXT:      for (int32_t r = 0; r < 2; ++r) {
// CHECK-NEXT:        const int32_t row = block / 2 * 2 + r;
// CHECK:             operand1[{{.*}} + column] = [[Q:v[0-9]+]];
// CHECK-NEXT:        sum_of_rows += [[Q]];
// CHECK-NEXT:        sum_of_rows_2 += operand0_v;
// CHECK-NEXT:      }
// CHECK-NEXT:      const int32_t first = block / 2 * 2;
// CHECK:           const float total = sum_of_rows;
// CHECK-NEXT:      operand2[i0_2 * 300 + column] = total;
// CHECK-NEXT:      const float total_2 = sum_of_rows_2;
// CHECK-NEXT:      const float operand3_v = operand3[i0_2 * 300 + column];
// CHECK-NEXT:      operand3[i0_2 * 300 + column] = operand3_v + total_2;
// CHECK:       GPTC_KERNEL(256) block_sums(
plan.kernel @block_sums "row" rows 6 layouts [memref<6x300xf32>, memref<6x300xf32>, memref<3x300xf32>, memref<3x300xf32>] accumulate [false, false, true] in_place [-1, -1, -1] {
^bb0(%x: tensor<6x300xf32>):
  %y = gpt.map(%x) : (tensor<6x300xf32>) -> tensor<6x300xf32> {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %a : f32
    gpt.yield %0 : f32
  }
  %b = gpt.reshape %y : tensor<6x300xf32> -> tensor<3x2x300xf32>
  %s = gpt.reduce sum %b [1] : tensor<3x2x300xf32> -> tensor<3x300xf32>
  %d = gpt.reshape %x : tensor<6x300xf32> -> tensor<3x2x300xf32>
  %t = gpt.reduce sum %d [1] : tensor<3x2x300xf32> -> tensor<3x300xf32>
  gpt.yield %y, %s, %t : tensor<6x300xf32>, tensor<3x300xf32>, tensor<3x300xf32>
}

// -----

// With reductions: warps take the 6 rows in turn, each with sums of its own in shared memory, which are combined in order.
// CHECK-LABEL: // row kernel
// CHECK:         GPTC_SHARED(float, sum_of_rows, 160);
// CHECK-NEXT:    for (int32_t c = lane; c < 40; c += 32) {
// CHECK-NEXT:      sum_of_rows[(gptc_thread() / 32) * 40 + c] = 0.0f;
// CHECK-NEXT:    }
// CHECK-NEXT:    for (int32_t r = gptc_thread() / 32; r < 6; r += 4) {
// CHECK-NEXT:      const int32_t row = block * 6 + r;
// CHECK:           const float sum = gptc_warp_sum(sum_of_lane);
// CHECK:             sum_of_rows[(gptc_thread() / 32) * 40 + c_3] += [[Y:v[0-9]+]];
// CHECK:         gptc_sync();
// CHECK-NEXT:    const int32_t first = block * 6;
// CHECK:         for (int32_t c_4 = gptc_thread(); c_4 < 40; c_4 += 128) {
// CHECK-NEXT:      const float total = sum_of_rows[c_4] + sum_of_rows[40 + c_4] + sum_of_rows[80 + c_4] + sum_of_rows[120 + c_4];
// CHECK-NEXT:      operand2[i0_2 * 40 + c_4] = total;
// CHECK:       GPTC_KERNEL(128) warps(
plan.kernel @warps "row" rows 24 layouts [memref<24x40xf32>, memref<24x40xf32>, memref<4x40xf32>] accumulate [false, false] in_place [-1, -1] {
^bb0(%x: tensor<24x40xf32>):
  %m = gpt.reduce sum %x [1] : tensor<24x40xf32> -> tensor<24xf32>
  %c = gpt.reshape %m : tensor<24xf32> -> tensor<24x1xf32>
  %y = gpt.map(%x, %c) : (tensor<24x40xf32>, tensor<24x1xf32>) -> tensor<24x40xf32> {
  ^bb0(%a: f32, %e: f32):
    %0 = arith.subf %a, %e : f32
    gpt.yield %0 : f32
  }
  %b = gpt.reshape %y : tensor<24x40xf32> -> tensor<4x6x40xf32>
  %s = gpt.reduce sum %b [1] : tensor<4x6x40xf32> -> tensor<4x40xf32>
  gpt.yield %y, %s : tensor<24x40xf32>, tensor<4x40xf32>
}

// -----

// Sums that do not fit into shared memory are added up in the output; the first row begins anew.
// CHECK-LABEL: // row kernel
// CHECK-NOT:     GPTC_SHARED
// CHECK:         for (int32_t r = 0; r < 2; r += 1) {
// CHECK-NEXT:      const int32_t row = block * 2 + r;
// CHECK:           const float sum = gptc_block_sum<1024>(sum_of_lane);
// CHECK:             float so_far = 0.0f;
// CHECK-NEXT:        if (!(r == 0)) {
// CHECK-NEXT:          const float operand1_v = operand1[i0 * 12000 + c_2];
// CHECK-NEXT:          so_far = operand1_v;
// CHECK-NEXT:        }
// CHECK-NEXT:        so_far += operand0_v_2 - sum;
// CHECK-NEXT:        operand1[i0 * 12000 + c_2] = so_far;
// CHECK:       GPTC_KERNEL(1024) long(
plan.kernel @long "row" rows 4 layouts [memref<4x12000xf32>, memref<2x12000xf32>] accumulate [false] in_place [-1] {
^bb0(%x: tensor<4x12000xf32>):
  %m = gpt.reduce sum %x [1] : tensor<4x12000xf32> -> tensor<4xf32>
  %c = gpt.reshape %m : tensor<4xf32> -> tensor<4x1xf32>
  %y = gpt.map(%x, %c) : (tensor<4x12000xf32>, tensor<4x1xf32>) -> tensor<4x12000xf32> {
  ^bb0(%a: f32, %e: f32):
    %0 = arith.subf %a, %e : f32
    gpt.yield %0 : f32
  }
  %b = gpt.reshape %y : tensor<4x12000xf32> -> tensor<2x2x12000xf32>
  %s = gpt.reduce sum %b [1] : tensor<2x2x12000xf32> -> tensor<2x12000xf32>
  gpt.yield %s : tensor<2x12000xf32>
}
