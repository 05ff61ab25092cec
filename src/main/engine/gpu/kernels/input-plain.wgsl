// The matrix's input as it stands.
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [rows][blocks * 8]

fn prepareInput(firstRow: u32, lane: u32) {}

fn inputAt(tileRow: u32, row: u32, column4: u32) -> vec4f {
  return x[row * shape.blocks * 8u + column4];
}
