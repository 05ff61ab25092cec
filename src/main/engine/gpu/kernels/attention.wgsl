// Dilated attention of one row and one query head over the rings of the plan: one softmax over sinks, window, bands
// or LongNet's segments (a key in c patterns counts c times). Twin: reference/ring-attention.ts.
//
// Version 1, the readable one: a workgroup of 64 threads per (head, row). Of each tile of 64 entries thread j scores
// entry j, then thread i gathers the dimensions i, i + 64, … of the values. Tiles are aligned to absolute entries and
// rings follow in the plan's order, so a row's bits don't depend on the chunking. To come: K and V shared by the
// heads of a group, keys split over workgroups in decode (docs/gpu.md).
const TILE = 64u;
const MAX_HEAD = 256u; // dimensions
const LEAST = -1e30; // compilers may assume that there are no infinities

struct Geometry {
  heads: u32,
  kvHeads: u32,
  headDim: u32,
  qkvStride: u32, // numbers in a row of qkv
  outStride: u32, // numbers in a row of out
  rings: u32,
  turnClasses: u32, // rings whose queries are rotated alike
  scale: f32, // 1 / sqrt(headDim)
}
struct Ring {
  base: u32, // slot of entry 0
  capacity: u32, // slots
  turnClass: u32,
  stride: u32,
}
struct Range {
  first: u32, // entry
  end: u32,
}

@group(0) @binding(0) var<uniform> geometry: Geometry;
@group(0) @binding(1) var<storage, read> rings: array<Ring>;
@group(0) @binding(2) var<storage, read> headRings: array<u32>; // [heads + 1] starts, then ring indices
@group(0) @binding(3) var<storage, read> visible: array<Range>; // [rows][rings]
@group(0) @binding(4) var<storage, read> queryTurns: array<vec2f>; // cos, sin: [rows][turnClasses][headDim / 2]
@group(0) @binding(5) var<storage, read> keyTurns: array<vec2f>; // [slot][headDim / 2]
@group(0) @binding(6) var<storage, read> qkv: array<f32>; // [rows][q | k | v], unrotated
@group(0) @binding(7) var<storage, read> cache: array<vec2f>; // [slot][key | value][headDim / 2], keys unrotated
@group(0) @binding(8) var<storage, read_write> out: array<f32>;

var<workgroup> query: array<vec2f, MAX_HEAD / 2u>;
var<workgroup> scores: array<f32, TILE>;
var<workgroup> weights: array<f32, TILE>;

fn turn(value: vec2f, cosSin: vec2f) -> vec2f {
  return vec2f(value.x * cosSin.x - value.y * cosSin.y, value.x * cosSin.y + value.y * cosSin.x);
}

fn slotOf(ring: Ring, entry: u32) -> u32 {
  return ring.base + entry % ring.capacity;
}

fn scoreOf(slot: u32) -> f32 {
  let pairs = geometry.headDim / 2u;
  var sum = vec2f();
  for (var i = 0u; i < pairs; i++) {
    sum = fma(query[i], turn(cache[slot * 2u * pairs + i], keyTurns[slot * pairs + i]), sum);
  }
  return (sum.x + sum.y) * geometry.scale;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.x;
  let row = group.y;
  let d = geometry.headDim;
  let pairs = d / 2u;
  var largest = LEAST;
  var denominator = 0.0;
  var sums: array<f32, MAX_HEAD / TILE>;

  for (var n = headRings[head]; n < headRings[head + 1u]; n++) {
    let index = headRings[geometry.heads + 1u + n];
    let ring = rings[index];
    let range = visible[row * geometry.rings + index];
    if (range.end == range.first) {
      continue;
    }
    workgroupBarrier();
    for (var i = thread; i < pairs; i += TILE) {
      let at = row * geometry.qkvStride + head * d + 2u * i;
      let cosSin = queryTurns[(row * geometry.turnClasses + ring.turnClass) * pairs + i];
      query[i] = turn(vec2f(qkv[at], qkv[at + 1u]), cosSin);
    }
    workgroupBarrier();

    for (var tile = range.first / TILE; tile * TILE < range.end; tile++) {
      let entry = tile * TILE + thread;
      let seen = entry >= range.first && entry < range.end;
      var score = LEAST;
      if (seen) {
        score = scoreOf(slotOf(ring, entry));
      }
      scores[thread] = score;
      workgroupBarrier();
      var newLargest = largest;
      for (var j = 0u; j < TILE; j++) {
        newLargest = max(newLargest, scores[j]);
      }
      weights[thread] = select(0.0, exp(score - newLargest), seen);
      workgroupBarrier();

      let shrink = exp(largest - newLargest);
      largest = newLargest;
      denominator *= shrink;
      for (var c = 0u; c < MAX_HEAD / TILE; c++) {
        sums[c] *= shrink;
      }
      let end = min(TILE, range.end - tile * TILE);
      for (var j = max(range.first, tile * TILE) - tile * TILE; j < end; j++) {
        let weight = weights[j];
        let value = slotOf(ring, tile * TILE + j) * 2u * pairs + pairs;
        denominator += weight;
        for (var c = 0u; c * TILE + thread < d; c++) {
          let i = c * TILE + thread;
          sums[c] = fma(weight, cache[value + i / 2u][i % 2u], sums[c]);
        }
      }
    }
  }
  for (var c = 0u; c * TILE + thread < d; c++) {
    // no key at all: zeros (torchscale's uncovered query)
    let value = select(sums[c] / max(denominator, 1e-30), 0.0, denominator == 0.0);
    out[row * geometry.outStride + head * d + c * TILE + thread] = value;
  }
}
