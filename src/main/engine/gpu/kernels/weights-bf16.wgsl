// The upper halves of f32 in pairs, rows padded with zeros to whole blocks of 32.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;

fn weightBlock(block: u32) -> array<vec4f, 8> {
  var values: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    let pairs = quants[block * 4u + i];
    let even = bitcast<vec4f>(pairs << vec4u(16u));
    let odd = bitcast<vec4f>(pairs & vec4u(0xffff0000u));
    values[2u * i] = vec4f(even.x, odd.x, even.y, odd.y);
    values[2u * i + 1u] = vec4f(even.z, odd.z, even.w, odd.w);
  }
  return values;
}
