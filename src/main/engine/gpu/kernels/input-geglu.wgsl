// GEGLU (twin: reference/geglu.ts) on the way into the product: a row holds the gate, then up. Needs: tanh.wgsl.
@group(0) @binding(2) var<storage, read> x: array<vec4f>; // [rows][gate: blocks * 8 | up: blocks * 8]

fn prepareRow(row: u32, thread: u32) {}

fn inputAt(row: u32, word: u32) -> vec4f {
  let length = shape.blocks * 8u;
  let gate = x[row * 2u * length + word];
  let up = x[row * 2u * length + length + word];
  let inner = 0.7978845608 * fma(gate * gate * gate, vec4f(0.044715), gate);
  return 0.5 * gate * (1.0 + tanhOf(inner)) * up;
}
