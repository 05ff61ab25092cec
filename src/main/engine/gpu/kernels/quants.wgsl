// What matvec-quants.wgsl and matmul-quants.wgsl share. Needs: int8.wgsl or f16.wgsl, weights-*.wgsl with quantBlock.

// Numbers as they are, of which a compiler doesn't know that both scales are one, or minimums zero. Where a kernel has
// them straight from quantBlock, it would simplify or contract blockProduct, and give other bits than the kernel that
// has them from workgroup memory (seen on lavapipe with Q8_0 in halves).
fn opaque(numbers: vec2f) -> vec2f {
  return bitcast<vec2f>(bitcast<vec2u>(numbers) ^ vec2u(shape.zero));
}

// @param low, high of the columns 0 … 15 and 16 … 31
fn blockProduct(low: Sum, high: Sum, scale: vec2f, minimum: vec2f, factors: vec4f) -> f32 {
  let scales = factors.x * scale;
  let minimums = (factors.x * minimum) * factors.yz;
  let parts = fma(scales, vec2f(numberOf(low), numberOf(high)), minimums);
  return parts.x + parts.y;
}
