// w = d * (q - 16): nibbles as in Q4_0; in `scales` three halves a block: d, and 32 bits, bit j the fifth of quant j.
// Needs: fifth-bits.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<u32>;

fn halfAt(index: u32) -> u32 {
  return (scales[index / 2u] >> (16u * (index % 2u))) & 0xffffu;
}

fn weightBlock(block: u32) -> array<vec4f, 8> {
  let scale = unpack2x16float(halfAt(3u * block)).x;
  let fifths = halfAt(3u * block + 1u) | (halfAt(3u * block + 2u) << 16u);
  let words = quants[block];
  var values: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    let low = (words[i] & 0x0f0f0f0fu) | fifthBits(fifths >> (4u * i));
    let high = ((words[i] >> 4u) & 0x0f0f0f0fu) | fifthBits(fifths >> (4u * i + 16u));
    values[i] = fma(vec4f(unpack4xU8(low)), vec4f(scale), vec4f(-16.0 * scale));
    values[i + 4u] = fma(vec4f(unpack4xU8(high)), vec4f(scale), vec4f(-16.0 * scale));
  }
  return values;
}
