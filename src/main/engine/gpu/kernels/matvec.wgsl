// y = input W^T for few rows: a workgroup computes 4 * OUTPUTS outputs of one row. Twin: reference/matmul.ts.
// Needs: product.wgsl, `const OUTPUTS`, weights-*.wgsl, input-*.wgsl, output-*.wgsl.
//
// 32 lanes share OUTPUTS outputs, lane l takes the blocks l, l + 32, …: neighbours read neighbouring words, and a block
// of the input is in registers once for all OUTPUTS. Sums of blocks are added in order, by one thread for each output.
const SEGMENT = 64u; // blocks of the input that are staged at once

var<workgroup> staged: array<vec4f, SEGMENT * 9u>; // blocks 9 words apart: no two lanes in one bank
var<workgroup> blockSums: array<f32, 4u * OUTPUTS * (SEGMENT + 1u)>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = step.firstRow + group.y;
  let lane = thread % 32u;
  let firstOutput = (group.x * 4u + thread / 32u) * OUTPUTS;
  prepareRow(row, thread);

  var total = 0.0;
  for (var first = 0u; first < shape.blocks; first += SEGMENT) {
    let count = min(SEGMENT, shape.blocks - first);
    for (var i = thread; i < count * 8u; i += 128u) {
      staged[(i / 8u) * 9u + i % 8u] = inputAt(row, first * 8u + i);
    }
    workgroupBarrier();
    for (var block = lane; block < count; block += 32u) {
      var x: array<vec4f, 8>;
      for (var i = 0u; i < 8u; i++) {
        x[i] = staged[block * 9u + i];
      }
      for (var n = 0u; n < OUTPUTS; n++) {
        let output = min(firstOutput + n, shape.outputs - 1u);
        let weights = weightBlock(output * shape.blocks + first + block);
        var sum = vec4f();
        for (var i = 0u; i < 8u; i++) {
          sum = fma(weights[i], x[i], sum);
        }
        blockSums[((thread / 32u) * OUTPUTS + n) * (SEGMENT + 1u) + block] = (sum.x + sum.y) + (sum.z + sum.w);
      }
    }
    workgroupBarrier();
    if (thread < 4u * OUTPUTS) {
      for (var block = 0u; block < count; block++) {
        total += blockSums[thread * (SEGMENT + 1u) + block];
      }
    }
  }
  let output = group.x * 4u * OUTPUTS + thread;
  if (thread < 4u * OUTPUTS && output < shape.outputs) {
    putOutput(group.y * shape.outputStride + shape.outputStart + output, shape.outputStart + output, total);
  }
}
