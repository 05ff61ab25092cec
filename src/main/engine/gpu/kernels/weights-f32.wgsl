// Weights as they are in the file, rows padded with zeros to whole blocks of 32.
@group(0) @binding(4) var<storage, read> quants: array<vec4f>;

fn weightBlock(block: u32) -> array<vec4f, 8> {
  var values: array<vec4f, 8>;
  for (var i = 0u; i < 8u; i++) {
    values[i] = quants[block * 8u + i];
  }
  return values;
}
