// The matrix's input as it stands.
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [rows][blocks * 8]

fn prepareRow(row: u32, thread: u32) {}

fn inputAt(row: u32, word: u32) -> vec4f {
  return x[row * shape.blocks * 8u + word];
}
