// RMSNorm of the input on the way into the product of one row: no dispatch of its own, at the price of a sum of
// squares in every workgroup. Needs: rms.wgsl, reduce-*.wgsl.
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [rows][blocks * 8], zeros beyond `columns`
@group(0) @binding(3) var<storage, read> gain: array<vec4f>; // [blocks * 8]

var<private> inverseRms: f32;

fn prepareRow(row: u32, thread: u32) {
  inverseRms = inverseRmsOf(row, thread);
}

fn inputAt(row: u32, word: u32) -> vec4f {
  return x[row * shape.blocks * 8u + word] * inverseRms * gain[word];
}
