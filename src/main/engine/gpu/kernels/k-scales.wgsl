// The head of a super-block of Q4_K and Q5_K: d, dmin, and eight scales and minimums of 6 bits in 12 bytes
// (formats/gguf/dequantise-k.ts).

fn byteOf(head: vec4u, index: u32) -> u32 {
  return (head[index / 4u] >> (8u * (index % 4u))) & 0xffu;
}

// (scale, -minimum) of block 0 … 7: w = scale q - minimum
fn kScale(head: vec4u, block: u32) -> vec2f {
  let d = unpack2x16float(head.x);
  var scale = byteOf(head, 4u + block) & 63u;
  var minimum = byteOf(head, 8u + block) & 63u;
  if (block >= 4u) {
    let both = byteOf(head, 8u + block);
    scale = (both & 15u) | ((byteOf(head, block) >> 6u) << 4u);
    minimum = (both >> 4u) | ((byteOf(head, 4u + block) >> 6u) << 4u);
  }
  return vec2f(d.x * f32(scale), -(d.y * f32(minimum)));
}
