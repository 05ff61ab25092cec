// Four numbers of a key (part 0) or value (part 1). Needs: kv-q8.wgsl.
fn kvAt(slot: u32, part: u32, word: u32) -> vec4f {
  let at = (2u * slot + part) * KV_WORDS;
  return bitcast<f32>(cache[at + HEAD_WORDS + word / 8u]) * vec4f(unpack4xI8(cache[at + word]));
}
