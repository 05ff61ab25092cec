// Of q, k and v.
@group(0) @binding(8) var<storage, read> bias: array<f32>; // as a row of y

fn putOutput(index: u32, output: u32, value: f32) {
  y[index] = value + bias[output];
}
