// w = d * q + m: nibbles as in Q4_0; (d, m) as the two halves of one word in `scales`. Needs: weights-quantised.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<u32>;

fn quantBlock(block: u32) -> QuantBlock {
  let scale = unpack2x16float(scales[block]);
  let words = quants[block];
  var quantised: QuantBlock;
  quantised.scale = scale.xx;
  quantised.minimum = scale.yy;
  for (var i = 0u; i < 4u; i++) {
    quantised.words[i] = words[i] & 0x0f0f0f0fu;
    quantised.words[i + 4u] = (words[i] >> 4u) & 0x0f0f0f0fu;
  }
  return quantised;
}
