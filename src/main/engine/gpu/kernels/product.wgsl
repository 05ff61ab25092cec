// What matvec.wgsl and matmul.wgsl share. Both give an output the same bits: of each block of 32 columns four chains
// of fma (column mod 4), added as (0 + 1) + (2 + 3); blocks are added in order.
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
  cap: f32, // of logits
  zero: u32, // always 0, which no compiler knows
}

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<uniform> shape: Shape;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
