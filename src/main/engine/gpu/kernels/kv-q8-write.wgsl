// A word of a new key (part 0) or value (part 1): bytes, or a scale. Each thread looks at the 32 dimensions of its word
// by itself: they are few, and there is no barrier. Needs: kv-q8.wgsl.
fn kvScale(copy: Copy, part: u32, block: u32) -> f32 {
  var largest = vec4f();
  for (var i = 8u * block; i < min(8u * block + 8u, HEAD_WORDS); i++) {
    largest = max(largest, abs(newValue(copy, part, i)));
  }
  return max(max(largest.x, largest.y), max(largest.z, largest.w)) / 127.0;
}

fn packedKv(copy: Copy, part: u32, word: u32) -> KvWord {
  if (word >= HEAD_WORDS) {
    return bitcast<u32>(kvScale(copy, part, word - HEAD_WORDS));
  }
  let scale = kvScale(copy, part, word / 8u);
  let inverse = select(1.0 / scale, 0.0, scale < 1e-30);
  return pack4xI8Clamp(vec4i(round(newValue(copy, part, word) * inverse)));
}
