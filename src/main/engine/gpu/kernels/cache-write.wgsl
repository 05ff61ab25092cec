// Takes keys (unrotated) and values of a chunk into one layer's rings, and hands older ones over from ring to ring.
// Twin: ReferenceCache.take. The list of copies is the same for all layers; the host has resolved it so that no slot
// is both read and written (step.ts).
// Needs: heads-*.wgsl, kv-*.wgsl, kv-*-write.wgsl, `const HEAD_WORDS` (head dimensions / 4).
struct Geometry {
  heads: u32,
  kvHeads: u32,
  qkvWords: u32, // words of four numbers in a row of qkv
  epsilon: f32, // of the norms of heads
}
struct Copy {
  slot: u32,
  source: u32, // slot of the ring that hands over, or NEW
  row: u32, // of the chunk, for NEW
  kvHead: u32,
}
const NEW = 0xffffffffu;

@group(0) @binding(0) var<uniform> geometry: Geometry;
@group(0) @binding(1) var<storage, read> copies: array<Copy>;
@group(0) @binding(3) var<storage, read_write> cache: array<KvWord>; // [slot][key | value][KV_WORDS]

// @param part 0: key, 1: value
fn newValue(copy: Copy, part: u32, word: u32) -> vec4f {
  let head = geometry.heads + part * geometry.kvHeads + copy.kvHead;
  let at = copy.row * geometry.qkvWords + head * HEAD_WORDS;
  if (part == 1u) {
    return qkv[at + word];
  }
  return finishedKey(at, word);
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let before = queries();
  if (group.x < before) {
    finishQuery(group.x, thread);
    return;
  }
  let copy = copies[group.x - before];
  for (var i = thread; i < 2u * KV_WORDS; i += 32u) {
    var word: KvWord;
    if (copy.source == NEW) {
      word = packedKv(copy, i / KV_WORDS, i % KV_WORDS);
    } else {
      word = cache[copy.source * 2u * KV_WORDS + i];
    }
    cache[copy.slot * 2u * KV_WORDS + i] = word;
  }
}
