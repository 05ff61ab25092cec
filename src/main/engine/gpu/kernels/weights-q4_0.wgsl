// w = d * (q - 8): value i is the low nibble of byte i, value i + 16 the high one; d as half of a word in `scales`.
// Needs: weights-quantised.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<u32>;

fn quantBlock(block: u32) -> QuantBlock {
  let scale = unpack2x16float(scales[block / 2u])[block % 2u];
  let words = quants[block];
  var quantised: QuantBlock;
  quantised.scale = vec2f(scale);
  quantised.minimum = vec2f(-8.0 * scale);
  for (var i = 0u; i < 4u; i++) {
    quantised.words[i] = words[i] & 0x0f0f0f0fu;
    quantised.words[i + 4u] = (words[i] >> 4u) & 0x0f0f0f0fu;
  }
  return quantised;
}
