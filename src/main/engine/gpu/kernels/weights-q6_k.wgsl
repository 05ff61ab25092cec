// Super-blocks of 256, w = d s (q - 32) with a scale for each 16 weights: 128 bytes of low nibbles, 64 of upper bit
// pairs (formats/gguf/dequantise-k.ts); in `scales` nine halves a super-block: sixteen signed bytes s, then d.
// Needs: weights-quantised.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>; // [super-blocks][8 of nibbles | 4 of pairs]
@group(0) @binding(5) var<storage, read> scales: array<u32>;

fn halfAt(index: u32) -> u32 {
  return (scales[index / 2u] >> (16u * (index % 2u))) & 0xffffu;
}

fn quantBlock(block: u32) -> QuantBlock {
  let part = block % 8u;
  let first = (block / 8u) * 9u;
  let d = unpack2x16float(halfAt(first + 8u)).x;
  let both = vec2f(unpack4xI8(halfAt(first + part)).xy) * d;
  let base = (block / 8u) * 12u;
  let run = part % 4u;
  let shift = vec4u(4u * (run / 2u));
  var quantised: QuantBlock;
  quantised.scale = both;
  quantised.minimum = -32.0 * both;
  for (var i = 0u; i < 2u; i++) {
    let nibbles = (quants[base + (part / 4u) * 4u + (run % 2u) * 2u + i] >> shift) & vec4u(0x0f0f0f0fu);
    let pairs = (quants[base + 8u + (part / 4u) * 2u + i] >> vec4u(2u * run)) & vec4u(0x03030303u);
    let words = nibbles | (pairs << vec4u(4u));
    for (var j = 0u; j < 4u; j++) {
      quantised.words[4u * i + j] = words[j];
    }
  }
  return quantised;
}
