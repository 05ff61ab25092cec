// Logits: y = c tanh(y / c). Needs: tanh.wgsl.
fn putOutput(index: u32, output: u32, value: f32) {
  y[index] = shape.cap * tanhOf(vec4f(value / shape.cap)).x;
}
