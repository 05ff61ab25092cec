// Rows of the token embedding, one thread for each block of 32 values. Twin: reference/embedding.ts.
// Needs: weights-*.wgsl.
struct Step {
  rows: u32,
  firstRow: u32,
}
struct Shape {
  blocks: u32, // of 32 columns, in one row
  firstId: u32, // of this part of the table
  ids: u32, // in this part
  scale: f32, // what values are multiplied by
}

@group(0) @binding(0) var<uniform> step: Step;
@group(0) @binding(1) var<uniform> shape: Shape;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>; // [rows][blocks * 8]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let block = thread.x;
  let row = thread.y;
  if (block >= shape.blocks || row >= step.rows) {
    return;
  }
  let id = ids[row] - shape.firstId; // wraps around below the part
  if (id >= shape.ids) {
    return;
  }
  let values = weightBlock(id * shape.blocks + block);
  for (var i = 0u; i < 8u; i++) {
    y[(row * shape.blocks + block) * 8u + i] = values[i] * shape.scale;
  }
}
