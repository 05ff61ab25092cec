// w = d * q + m: nibbles as in Q4_0; in `scales` two words a block: (d, m), and 32 bits, bit j the fifth of quant j.
// Needs: weights-quantised.wgsl, fifth-bits.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<vec2u>;

fn quantBlock(block: u32) -> QuantBlock {
  let scale = unpack2x16float(scales[block].x);
  let fifths = scales[block].y;
  let words = quants[block];
  var quantised: QuantBlock;
  quantised.scale = scale.xx;
  quantised.minimum = scale.yy;
  for (var i = 0u; i < 4u; i++) {
    quantised.words[i] = (words[i] & 0x0f0f0f0fu) | fifthBits(fifths >> (4u * i));
    quantised.words[i + 4u] = ((words[i] >> 4u) & 0x0f0f0f0fu) | fifthBits(fifths >> (4u * i + 16u));
  }
  return quantised;
}
