// w = d * q: 32 signed bytes in `quants`, d as half of a word in `scales` (two blocks a word).
// Needs: weights-quantised.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<u32>;

fn quantBlock(block: u32) -> QuantBlock {
  let scale = unpack2x16float(scales[block / 2u])[block % 2u];
  var quantised: QuantBlock;
  quantised.scale = vec2f(scale);
  for (var i = 0u; i < 2u; i++) {
    let words = quants[block * 2u + i];
    for (var j = 0u; j < 4u; j++) {
      quantised.words[4u * i + j] = words[j];
    }
  }
  return quantised;
}
