// Takes keys (unrotated) and values of a chunk into one layer's rings, and hands older ones over from ring to ring.
// Twin: ReferenceCache.take. The list of copies is the same for all layers; the host has resolved it so that no slot
// is both read and written (step.ts).
struct Geometry {
  heads: u32,
  kvHeads: u32,
  headDim: u32,
  qkvStride: u32, // numbers in a row of qkv
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
@group(0) @binding(2) var<storage, read> qkv: array<f32>; // [rows][q | k | v]
@group(0) @binding(3) var<storage, read_write> cache: array<f32>; // [slot][key | value][headDim]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let copy = copies[group.x];
  let d = geometry.headDim;
  for (var i = thread; i < 2u * d; i += 64u) {
    var value: f32;
    if (copy.source == NEW) {
      let isValue = i / d;
      let head = geometry.heads + isValue * geometry.kvHeads + copy.kvHead;
      value = qkv[copy.row * geometry.qkvStride + head * d + i % d];
    } else {
      value = cache[copy.source * 2u * d + i];
    }
    cache[copy.slot * 2u * d + i] = value;
  }
}
