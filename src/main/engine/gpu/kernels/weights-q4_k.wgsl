// Super-blocks of 256: 128 bytes of nibbles (block 2c low, block 2c + 1 high in the bytes 32 c …); in `scales` the head.
// Needs: weights-quantised.wgsl, k-scales.wgsl.
@group(0) @binding(4) var<storage, read> quants: array<vec4u>;
@group(0) @binding(5) var<storage, read> scales: array<vec4u>;

fn quantBlock(block: u32) -> QuantBlock {
  let part = block % 8u;
  let scale = kScale(scales[block / 8u], part);
  let shift = vec4u(4u * (part % 2u));
  var quantised: QuantBlock;
  quantised.scale = scale.xx;
  quantised.minimum = scale.yy;
  for (var i = 0u; i < 2u; i++) {
    let words = (quants[(block / 8u) * 8u + (part / 2u) * 2u + i] >> shift) & vec4u(0x0f0f0f0fu);
    for (var j = 0u; j < 4u; j++) {
      quantised.words[4u * i + j] = words[j];
    }
  }
  return quantised;
}
