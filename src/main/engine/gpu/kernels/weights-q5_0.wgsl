// w = d * (q - 16): nibbles as in Q4_0; in `scales` three halves a block: d, and 32 bits, bit j the fifth of quant j.
// Needs: weights-quantised.wgsl, fifth-bits.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<u32>;

fn halfAt(index: u32) -> u32 {
  return (scales[index / 2u] >> (16u * (index % 2u))) & 0xffffu;
}

fn quantBlock(block: u32) -> QuantBlock {
  let scale = unpack2x16float(halfAt(3u * block)).x;
  let fifths = halfAt(3u * block + 1u) | (halfAt(3u * block + 2u) << 16u);
  let words = quants[block];
  var quantised: QuantBlock;
  quantised.scale = vec2f(scale);
  quantised.minimum = vec2f(-16.0 * scale);
  for (var i = 0u; i < 4u; i++) {
    quantised.words[i] = (words[i] & 0x0f0f0f0fu) | fifthBits(fifths >> (4u * i));
    quantised.words[i + 4u] = ((words[i] >> 4u) & 0x0f0f0f0fu) | fifthBits(fifths >> (4u * i + 16u));
  }
  return quantised;
}
