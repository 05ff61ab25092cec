// Dilated attention over the rings of the plan: what its two kernels share. Twin: reference/ring-attention.ts.
// Needs: kv-*.wgsl, kv-*-read.wgsl, turns-*.wgsl, score-*.wgsl, `const HEAD_WORDS` (head dimensions / 4).
//
// The keys of a ring are cut into units of 128 entries at absolute multiples of 128. A workgroup attends with some
// queries to one unit and writes partial sums; attention-merge.wgsl adds the units of a head in the plan's order.
// What a query makes of a unit is the same to the last bit in attention-decode.wgsl and attention-prefill.wgsl:
//   - a score is one chain of fma over the dimensions, in units of log 2 (the scale is in the query)
//   - within a unit two tiles of 64 entries follow each other, with a running maximum
//   - lane l of 16 sums the weights of the entries 4l … 4l + 3 of each tile; lanes are added as a balanced tree
//   - values are added in the order of the entries
// Entries that a query doesn't see have the weight 0, which changes no bit: a tile that nobody sees may be left out.
const UNIT = 128u; // entries; also in attention-units.ts
const TILE = 64u;
const LEAST = -1e30; // compilers may assume that there are no infinities
const CHUNKS = (HEAD_WORDS + 15u) / 16u; // of 64 dimensions

struct Geometry {
  qkvWords: u32, // words of four numbers in a row of qkv
  rings: u32,
  turnClasses: u32, // rings whose queries are rotated alike
  groupHeads: u32, // most query heads that a ring serves
  scale: f32, // of a query: log2(e) / sqrt(head dimensions), or with a cap c: 1 / (c sqrt(head dimensions))
  cap: f32, // c log2(e): see score-capped.wgsl
}
struct Ring {
  base: u32, // slot of entry 0
  capacity: u32, // slots
  turnClass: u32,
  firstHead: u32, // of those that the ring serves
  headCount: u32,
  reserved0: u32,
  reserved1: u32,
  reserved2: u32,
}
struct Unit {
  ring: u32,
  first: u32, // entry
}
struct Range {
  first: u32, // entry
  end: u32,
}
struct Block {
  firstRow: u32, // of the chunk
  rows: u32,
}

@group(0) @binding(0) var<uniform> geometry: Geometry;
@group(0) @binding(1) var<storage, read> rings: array<Ring>;
@group(0) @binding(2) var<storage, read> units: array<Unit>;
@group(0) @binding(3) var<storage, read> visible: array<Range>; // [rows][rings]
@group(0) @binding(4) var<storage, read> queryTurns: array<vec4f>; // cos, sin, cos, sin: [rows][turnClasses][HEAD_WORDS]
@group(0) @binding(5) var<storage, read> keyTurns: array<TurnWord>; // [slot][HEAD_WORDS]
@group(0) @binding(6) var<storage, read> qkv: array<vec4f>; // [rows][q | k | v], unrotated
@group(0) @binding(7) var<storage, read> cache: array<KvWord>; // [slot][key | value][KV_WORDS], keys unrotated
@group(0) @binding(8) var<storage, read_write> partials: array<vec4f>; // [units][rows][groupHeads][maximum, sum, -, - | values]
@group(1) @binding(0) var<uniform> rowBlock: Block;

// Two pairs at once. fma is spelled out, so that no compiler contracts one kernel and not the other.
fn turned(value: vec4f, turns: vec4f) -> vec4f {
  return vec4f(
    fma(value.x, turns.x, -(value.y * turns.y)),
    fma(value.x, turns.y, value.y * turns.x),
    fma(value.z, turns.z, -(value.w * turns.w)),
    fma(value.z, turns.w, value.w * turns.z),
  );
}

fn queryAt(row: u32, head: u32, turnClass: u32, word: u32) -> vec4f {
  if (word >= HEAD_WORDS) {
    return vec4f();
  }
  let turns = queryTurns[(row * geometry.turnClasses + turnClass) * HEAD_WORDS + word];
  return turned(qkv[row * geometry.qkvWords + head * HEAD_WORDS + word], turns) * geometry.scale;
}

fn keyAt(ring: Ring, entry: u32, word: u32) -> vec4f {
  if (word >= HEAD_WORDS) {
    return vec4f();
  }
  let slot = ring.base + entry % ring.capacity;
  return turned(kvAt(slot, 0u, word), unpackTurn(keyTurns[slot * HEAD_WORDS + word]));
}

fn valueAt(ring: Ring, entry: u32, word: u32) -> vec4f {
  if (word >= HEAD_WORDS) {
    return vec4f();
  }
  let slot = ring.base + entry % ring.capacity;
  return kvAt(slot, 1u, word);
}

fn scored(score: f32, query: vec4f, key: vec4f) -> f32 {
  return fma(query.w, key.w, fma(query.z, key.z, fma(query.y, key.y, fma(query.x, key.x, score))));
}

fn partialAt(unit: u32, row: u32, head: u32) -> u32 {
  return ((unit * rowBlock.rows + row) * geometry.groupHeads + head) * (HEAD_WORDS + 1u);
}
