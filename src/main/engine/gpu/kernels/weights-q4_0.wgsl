// w = d * (q - 8): value i is the low nibble of byte i, value i + 16 the high one; d as half of a word in `scales`.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<u32>;

fn weightBlock(block: u32) -> array<vec4f, 8> {
  let scale = unpack2x16float(scales[block / 2u])[block % 2u];
  let words = quants[block];
  var values: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    values[i] = fma(vec4f(unpack4xU8(words[i] & 0x0f0f0f0fu)), vec4f(scale), vec4f(-8.0 * scale));
    values[i + 4u] = fma(vec4f(unpack4xU8((words[i] >> 4u) & 0x0f0f0f0fu)), vec4f(scale), vec4f(-8.0 * scale));
  }
  return values;
}
