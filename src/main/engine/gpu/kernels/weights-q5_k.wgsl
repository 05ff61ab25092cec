// As Q4_K; in `scales` the head, then 32 bytes: bit b of byte j is the fifth bit of weight j of block b.
// Needs: weights-quantised.wgsl, k-scales.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<vec4u>; // [super-blocks][3]

fn quantBlock(block: u32) -> QuantBlock {
  let part = block % 8u;
  let head = (block / 8u) * 3u;
  let scale = kScale(scales[head], part);
  let shift = vec4u(4u * (part % 2u));
  var quantised: QuantBlock;
  quantised.scale = scale.xx;
  quantised.minimum = scale.yy;
  for (var i = 0u; i < 2u; i++) {
    let nibbles = (quants[(block / 8u) * 8u + (part / 2u) * 2u + i] >> shift) & vec4u(0x0f0f0f0fu);
    let fifths = ((scales[head + 1u + i] >> vec4u(part)) & vec4u(0x01010101u)) << vec4u(4u);
    let words = nibbles | fifths;
    for (var j = 0u; j < 4u; j++) {
      quantised.words[4u * i + j] = words[j];
    }
  }
  return quantised;
}
