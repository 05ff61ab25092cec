// As matmul.wgsl, by the weights' quants: in integers or halves. Needs: product.wgsl, quants.wgsl, int8.wgsl or f16.wgsl,
// weights-*.wgsl, input-*.wgsl, output-*.wgsl.
const ROWS = 64u;
const OUTPUTS = 64u;

var<workgroup> inputs: array<Operand, ROWS * 9u>; // rows 9 words apart: no two lanes in one bank
var<workgroup> inputFactors: array<vec4f, ROWS>;
var<workgroup> matrix: array<Operand, OUTPUTS * 9u>;
var<workgroup> matrixFactors: array<vec4f, OUTPUTS>; // scales, minimums

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let firstOutput = group.x * OUTPUTS;
  let firstRow = group.y * ROWS;
  let u = thread % 16u;
  let v = thread / 16u;
  var totals: array<vec4f, 4>; // [row][output]

  for (var block = 0u; block < shape.blocks; block++) {
    workgroupBarrier();
    if (thread < OUTPUTS) {
      let output = min(firstOutput + thread, shape.outputs - 1u);
      let weights = quantBlock(output * shape.blocks + block);
      for (var i = 0u; i < 8u; i++) {
        matrix[thread * 9u + i] = weightOperand(weights.words[i]);
      }
      matrixFactors[thread] = vec4f(weights.scale, weights.minimum);
    } else if (thread < OUTPUTS + ROWS) {
      // rows beyond the last one repeat it: computed, never stored
      let own = thread - OUTPUTS;
      let input = inputBlock(step.firstRow + min(firstRow + own, step.rows - 1u), block);
      for (var i = 0u; i < 8u; i++) {
        inputs[own * 9u + i] = input.operands[i];
      }
      inputFactors[own] = input.factors;
    }
    workgroupBarrier();
    for (var m = 0u; m < 4u; m++) {
      var w: array<Operand, 8>;
      for (var i = 0u; i < 8u; i++) {
        w[i] = matrix[(u + 16u * m) * 9u + i];
      }
      let weights = matrixFactors[u + 16u * m];
      for (var n = 0u; n < 4u; n++) {
        var low = Sum();
        var high = Sum();
        for (var i = 0u; i < 4u; i++) {
          low = multiplied(w[i], inputs[(4u * v + n) * 9u + i], low);
          high = multiplied(w[i + 4u], inputs[(4u * v + n) * 9u + i + 4u], high);
        }
        totals[n][m] += blockProduct(low, high, weights.xy, weights.zw, inputFactors[4u * v + n]);
      }
    }
  }
  for (var n = 0u; n < 4u; n++) {
    let row = firstRow + 4u * v + n;
    for (var m = 0u; m < 4u; m++) {
      let output = firstOutput + u + 16u * m;
      if (row < step.rows && output < shape.outputs) {
        putOutput(row * shape.outputStride + shape.outputStart + output, shape.outputStart + output, totals[n][m]);
      }
    }
  }
}
