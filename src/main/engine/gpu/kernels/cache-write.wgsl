// Takes keys (unrotated) and values of a chunk into one layer's rings, and hands older ones over from ring to ring.
// Twin: ReferenceCache.take. The list of copies is the same for all layers; the host has resolved it so that no slot
// is both read and written (step.ts). Needs: kv-*.wgsl, `const HEAD_WORDS` (head dimensions / 4).
struct Geometry {
  heads: u32,
  kvHeads: u32,
  qkvWords: u32, // words of four numbers in a row of qkv
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
@group(0) @binding(2) var<storage, read> qkv: array<vec4f>; // [rows][q | k | v]
@group(0) @binding(3) var<storage, read_write> cache: array<KvWord>; // [slot][key | value][HEAD_WORDS]

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let copy = copies[group.x];
  for (var i = thread; i < 2u * HEAD_WORDS; i += 32u) {
    var word: KvWord;
    if (copy.source == NEW) {
      let isValue = i / HEAD_WORDS;
      let head = geometry.heads + isValue * geometry.kvHeads + copy.kvHead;
      word = packKv(qkv[copy.row * geometry.qkvWords + head * HEAD_WORDS + i % HEAD_WORDS]);
    } else {
      word = cache[copy.source * 2u * HEAD_WORDS + i];
    }
    cache[copy.slot * 2u * HEAD_WORDS + i] = word;
  }
}
