// RMSNorm of the input on the way into the product of many rows: row-rms.wgsl has found each row's factor.
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [rows][blocks * 8], zeros beyond `columns`
@group(0) @binding(3) var<storage, read> gain: array<vec4f>; // [blocks * 8]
@group(0) @binding(7) var<storage, read> inverseRms: array<f32>; // [rows]

fn inputAt(row: u32, word: u32) -> vec4f {
  return x[row * shape.blocks * 8u + word] * inverseRms[row] * gain[word];
}
