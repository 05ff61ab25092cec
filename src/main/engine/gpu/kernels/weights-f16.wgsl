// Halves in pairs, rows padded with zeros to whole blocks of 32. Unpacked by arithmetic that every adapter has.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;

fn weightBlock(block: u32) -> array<vec4f, 8> {
  var values: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    let halves = quants[block * 4u + i];
    values[2u * i] = vec4f(unpack2x16float(halves.x), unpack2x16float(halves.y));
    values[2u * i + 1u] = vec4f(unpack2x16float(halves.z), unpack2x16float(halves.w));
  }
  return values;
}
