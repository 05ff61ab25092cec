// Four numbers of a key (part 0) or value (part 1). Needs: kv-f16.wgsl or kv-f32.wgsl.
fn kvAt(slot: u32, part: u32, word: u32) -> vec4f {
  return unpackKv(cache[(2u * slot + part) * KV_WORDS + word]);
}
