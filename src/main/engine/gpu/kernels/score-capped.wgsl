// c tanh(score / c), then in units of log 2: the query holds 1 / c. Needs: tanh.wgsl.
fn capped(score: vec4f) -> vec4f {
  return geometry.cap * tanhOf(score);
}
