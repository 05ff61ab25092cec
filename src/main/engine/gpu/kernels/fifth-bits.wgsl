// Four bits, one for each of four quants, as the fifth bits of bytes.
fn fifthBits(bits: u32) -> u32 {
  return ((bits & 1u) << 4u) | ((bits & 2u) << 11u) | ((bits & 4u) << 18u) | ((bits & 8u) << 25u);
}
