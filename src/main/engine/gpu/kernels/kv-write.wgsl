// A word of a new key (part 0) or value (part 1). Needs: kv-f16.wgsl or kv-f32.wgsl.
fn packedKv(copy: Copy, part: u32, word: u32) -> KvWord {
  return packKv(newValue(copy, part, word));
}
