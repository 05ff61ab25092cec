// w = d * q + m: nibbles as in Q4_0; in `scales` two words a block: (d, m), and 32 bits, bit j the fifth of quant j.
// Needs: fifth-bits.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<vec2u>;

fn weightBlock(block: u32) -> array<vec4f, 8> {
  let scale = unpack2x16float(scales[block].x);
  let fifths = scales[block].y;
  let words = quants[block];
  var values: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    let low = (words[i] & 0x0f0f0f0fu) | fifthBits(fifths >> (4u * i));
    let high = ((words[i] >> 4u) & 0x0f0f0f0fu) | fifthBits(fifths >> (4u * i + 16u));
    values[i] = fma(vec4f(unpack4xU8(low)), vec4f(scale.x), vec4f(scale.y));
    values[i + 4u] = fma(vec4f(unpack4xU8(high)), vec4f(scale.x), vec4f(scale.y));
  }
  return values;
}
