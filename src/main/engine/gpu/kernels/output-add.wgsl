// The residual stream: each element has one writer.
fn putOutput(index: u32, output: u32, value: f32) {
  y[index] += value;
}
