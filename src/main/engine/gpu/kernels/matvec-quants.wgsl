// As matvec.wgsl, by the weights' quants: in integers or halves. Needs: product.wgsl, quants.wgsl, int8.wgsl or f16.wgsl,
// `const OUTPUTS`, weights-*.wgsl, input-*.wgsl, output-*.wgsl.
const SEGMENT = 64u; // blocks of the input that are staged at once

var<workgroup> operands: array<Operand, SEGMENT * 9u>; // blocks 9 words apart: no two lanes in one bank
var<workgroup> factors: array<vec4f, SEGMENT>;
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
    if (thread < count) {
      let input = inputBlock(row, first + thread);
      for (var i = 0u; i < 8u; i++) {
        operands[thread * 9u + i] = input.operands[i];
      }
      factors[thread] = input.factors;
    }
    workgroupBarrier();
    for (var block = lane; block < count; block += 32u) {
      var x: array<Operand, 8>;
      for (var i = 0u; i < 8u; i++) {
        x[i] = operands[block * 9u + i];
      }
      let factor = factors[block];
      for (var n = 0u; n < OUTPUTS; n++) {
        let output = min(firstOutput + n, shape.outputs - 1u);
        let weights = quantBlock(output * shape.blocks + first + block);
        var low = Sum();
        var high = Sum();
        for (var i = 0u; i < 4u; i++) {
          low = multiplied(weightOperand(weights.words[i]), x[i], low);
          high = multiplied(weightOperand(weights.words[i + 4u]), x[i + 4u], high);
        }
        blockSums[((thread / 32u) * OUTPUTS + n) * (SEGMENT + 1u) + block] =
          blockProduct(low, high, opaque(weights.scale), opaque(weights.minimum), factor);
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
