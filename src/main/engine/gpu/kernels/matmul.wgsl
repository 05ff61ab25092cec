// y = input W^T, W in blocks of 32 columns that are unpacked in registers; decode and prefill alike.
// Twin: reference/matmul.ts. Needs: `const ROWS`, weights-*.wgsl, input-*.wgsl, output-*.wgsl.
//
// A workgroup computes 8 outputs of ROWS rows: 8 lanes share an output's blocks, lane l takes the blocks
// l, l + 8, …, each block is unpacked once for all rows. Lanes are added in order, so a row's bits depend neither
// on ROWS (1 in decode, 4 in prefill) nor on its place in the chunk.
const LANES = 8u;
const OUTPUTS = 8u;

struct Step {
  rows: u32,
  firstRow: u32, // of the input: the head may take the last rows only
}
struct Shape {
  blocks: u32, // of 32 columns, in one row
  columns: u32, // without the padding
  outputs: u32,
  outputStart: u32, // where output 0 stands in a row of y
  outputStride: u32, // numbers in a row of y
  epsilon: f32, // of RMSNorm
}

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<uniform> shape: Shape;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;

var<workgroup> partial: array<f32, LANES * OUTPUTS * ROWS>;

// Rows of the tile beyond the last one repeat it: computed, never stored.
fn inputRow(row: u32) -> u32 {
  return step.firstRow + min(row, step.rows - 1u);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let lane = local.x;
  let thread = local.y * LANES + lane;
  let output = group.x * OUTPUTS + local.y;
  let tileStart = group.y * ROWS;
  prepareInput(tileStart, thread);

  var sums: array<vec4f, ROWS>;
  if (output < shape.outputs) {
    for (var block = lane; block < shape.blocks; block += LANES) {
      let weights = weightBlock(output * shape.blocks + block);
      for (var tileRow = 0u; tileRow < ROWS; tileRow++) {
        let row = inputRow(tileStart + tileRow);
        var sum = sums[tileRow];
        for (var i = 0u; i < 8u; i++) {
          sum = fma(weights[i], inputAt(tileRow, row, block * 8u + i), sum);
        }
        sums[tileRow] = sum;
      }
    }
  }
  for (var tileRow = 0u; tileRow < ROWS; tileRow++) {
    let sum = sums[tileRow];
    partial[thread * ROWS + tileRow] = (sum.x + sum.y) + (sum.z + sum.w);
  }
  workgroupBarrier();

  // lane l adds up the rows l, l + 8, … of its output
  for (var tileRow = lane; tileRow < ROWS; tileRow += LANES) {
    let row = tileStart + tileRow;
    if (output < shape.outputs && row < step.rows) {
      var total = 0.0;
      for (var l = 0u; l < LANES; l++) {
        total += partial[(local.y * LANES + l) * ROWS + tileRow];
      }
      putOutput(row * shape.outputStride + shape.outputStart + output, total);
    }
  }
}
