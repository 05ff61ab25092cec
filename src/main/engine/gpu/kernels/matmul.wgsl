// y = input W^T for many rows: a workgroup computes 64 outputs of 64 rows, thread (v, u) of 16 x 16 the outputs u,
// u + 16, … of the rows 4v … 4v + 3. Twin: reference/matmul.ts.
// Needs: product.wgsl, weights-*.wgsl, input-*.wgsl, output-*.wgsl.
const ROWS = 64u;
const OUTPUTS = 64u;

var<workgroup> inputs: array<vec4f, ROWS * 9u>; // rows 9 words apart: no two lanes in one bank
var<workgroup> matrix: array<vec4f, OUTPUTS * 9u>;

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
      let weights = weightBlock(output * shape.blocks + block);
      for (var i = 0u; i < 8u; i++) {
        matrix[thread * 9u + i] = weights[i];
      }
    } else {
      for (var i = thread - OUTPUTS; i < ROWS * 8u; i += 192u) {
        // rows beyond the last one repeat it: computed, never stored
        let row = step.firstRow + min(firstRow + i / 8u, step.rows - 1u);
        inputs[(i / 8u) * 9u + i % 8u] = inputAt(row, block * 8u + i % 8u);
      }
    }
    workgroupBarrier();
    var sums = array<vec4f, 16>(); // said, because without it compilers were seen not to start anew
    for (var i = 0u; i < 8u; i++) {
      let w0 = matrix[u * 9u + i];
      let w1 = matrix[(u + 16u) * 9u + i];
      let w2 = matrix[(u + 32u) * 9u + i];
      let w3 = matrix[(u + 48u) * 9u + i];
      for (var n = 0u; n < 4u; n++) {
        let x = inputs[(4u * v + n) * 9u + i];
        sums[4u * n] = fma(w0, x, sums[4u * n]);
        sums[4u * n + 1u] = fma(w1, x, sums[4u * n + 1u]);
        sums[4u * n + 2u] = fma(w2, x, sums[4u * n + 2u]);
        sums[4u * n + 3u] = fma(w3, x, sums[4u * n + 3u]);
      }
    }
    for (var n = 0u; n < 4u; n++) {
      totals[n] += vec4f(
        across(sums[4u * n]),
        across(sums[4u * n + 1u]),
        across(sums[4u * n + 2u]),
        across(sums[4u * n + 3u]),
      );
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

fn across(sum: vec4f) -> f32 {
  return (sum.x + sum.y) + (sum.z + sum.w);
}
