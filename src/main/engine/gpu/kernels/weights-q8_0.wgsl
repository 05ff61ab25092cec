// w = d * q: 32 signed bytes in `quants`, d as half of a word in `scales` (two blocks a word).
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<u32>;

fn weightBlock(block: u32) -> array<vec4f, 8> {
  let scale = unpack2x16float(scales[block / 2u])[block % 2u];
  var values: array<vec4f, 8>;
  for (var i = 0u; i < 2u; i++) {
    let words = quants[block * 2u + i];
    for (var j = 0u; j < 4u; j++) {
      values[4u * i + j] = scale * vec4f(unpack4xI8(words[j]));
    }
  }
  return values;
}
