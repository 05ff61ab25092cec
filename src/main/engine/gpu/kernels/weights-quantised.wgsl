// Blocks of 32 columns as numbers, from their quants. Needs: a weights-*.wgsl with quantBlock.
struct QuantBlock {
  words: array<u32, 8>, // signed bytes, in the order of the columns
  scale: vec2f, // of the columns 0 … 15 and 16 … 31: w = scale q + minimum
  minimum: vec2f,
}

fn weightBlock(block: u32) -> array<vec4f, 8> {
  let quants = quantBlock(block);
  var values: array<vec4f, 8>;
  for (var i = 0u; i < 4u; i++) {
    values[i] = fma(vec4f(unpack4xI8(quants.words[i])), vec4f(quants.scale.x), vec4f(quants.minimum.x));
    values[i + 4u] = fma(vec4f(unpack4xI8(quants.words[i + 4u])), vec4f(quants.scale.y), vec4f(quants.minimum.y));
  }
  return values;
}
