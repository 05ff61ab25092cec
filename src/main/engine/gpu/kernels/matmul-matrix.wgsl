// As matmul.wgsl, on the adapter's matrix units: a workgroup computes 64 outputs of 64 rows, subgroup s of 4 the rows
// 16s … 16s + 15, from halves with sums in f32. The order of sums is the hardware's, so all rows go through this kernel,
// however few (decision 0018). Needs: product.wgsl, weights-*.wgsl, input-*.wgsl, output-*.wgsl; subgroups of 32, and
// units of 16 x 16 x 16 that take f16 and give f32.
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity); // everything around the units is uniform in a workgroup

const ROWS = 64u;
const OUTPUTS = 64u;
const PITCH = 40u; // halves from row to row: 32 columns, and no two rows in one bank
const LARGEST = 65504.0; // of a half: beyond it a sum would be no number

var<workgroup> inputs: array<f16, ROWS * PITCH>;
var<workgroup> matrix: array<f16, OUTPUTS * PITCH>;
var<workgroup> results: array<f32, ROWS * 16u>; // of 16 outputs at a time

fn putHalves(to: u32, value: vec4f, isInput: bool) {
  let halves = vec4<f16>(clamp(value, vec4f(-LARGEST), vec4f(LARGEST)));
  for (var i = 0u; i < 4u; i++) {
    if (isInput) {
      inputs[to + i] = halves[i];
    } else {
      matrix[to + i] = halves[i];
    }
  }
}

@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let firstOutput = group.x * OUTPUTS;
  let firstRow = group.y * ROWS;
  var sums: array<subgroup_matrix_result<f32, 16, 16>, 4>; // of 16 outputs each

  for (var block = 0u; block < shape.blocks; block++) {
    workgroupBarrier();
    if (thread < OUTPUTS) {
      let weights = weightBlock(min(firstOutput + thread, shape.outputs - 1u) * shape.blocks + block);
      for (var i = 0u; i < 8u; i++) {
        putHalves(thread * PITCH + 4u * i, weights[i], false);
      }
    } else {
      // rows beyond the last one repeat it: computed, never stored
      let own = thread - OUTPUTS;
      let row = step.firstRow + min(firstRow + own, step.rows - 1u);
      for (var i = 0u; i < 8u; i++) {
        putHalves(own * PITCH + 4u * i, inputAt(row, block * 8u + i), true);
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 32u; k += 16u) {
      let left = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>>(&inputs, subgroup * 16u * PITCH + k, false, PITCH);
      for (var m = 0u; m < 4u; m++) {
        // columns of the right matrix are rows of `matrix`
        let right =
          subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>>(&matrix, m * 16u * PITCH + k, true, PITCH);
        sums[m] = subgroupMatrixMultiplyAccumulate(left, right, sums[m]);
      }
    }
  }
  for (var m = 0u; m < 4u; m++) {
    workgroupBarrier();
    subgroupMatrixStore(&results, subgroup * 16u * 16u, sums[m], false, 16u);
    workgroupBarrier();
    for (var i = thread; i < ROWS * 16u; i += 128u) {
      let row = firstRow + i / 16u;
      let output = firstOutput + 16u * m + i % 16u;
      if (row < step.rows && output < shape.outputs) {
        putOutput(row * shape.outputStride + shape.outputStart + output, shape.outputStart + output, results[i]);
      }
    }
  }
}
