// The partial sums of a query become its attention: units in the plan's order, merged by log-sum-exp. One softmax over sinks, window, bands or LongNet's segments: a key in c patterns counts c times.
// Needs: reduce-*.wgsl, `const HEAD_WORDS`.
alias Number = f32;
const LANES = select(select(64u, 32u, HEAD_WORDS <= 32u), 16u, HEAD_WORDS <= 16u); // of each head
const THREADS = 64u;
const LEAST = -1e30;

struct Geometry {
  heads: u32,
  groupHeads: u32,
  outWords: u32, // words of four numbers in a row of out
}
struct Block {
  firstRow: u32, // of the chunk
  rows: u32,
}
struct HeadUnit {
  unit: u32,
  head: u32, // among those that the unit's ring serves
}

@group(0) @binding(0) var<uniform> geometry: Geometry;
@group(0) @binding(1) var<storage, read> starts: array<u32>; // [heads + 1], into headUnits
@group(0) @binding(2) var<storage, read> headUnits: array<HeadUnit>;
@group(0) @binding(3) var<storage, read> partials: array<vec4f>; // as in attention.wgsl
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>; // [rows][heads][HEAD_WORDS], padded
@group(1) @binding(0) var<uniform> rowBlock: Block;

fn partialOf(headUnit: HeadUnit, row: u32) -> u32 {
  return ((headUnit.unit * rowBlock.rows + row) * geometry.groupHeads + headUnit.head) * (HEAD_WORDS + 1u);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.x * (THREADS / LANES) + thread / LANES;
  let word = thread % LANES;
  let row = group.y;
  // threads beyond the last head look at it too, and write nothing
  let unitsBegin = starts[min(head, geometry.heads - 1u)];
  let unitsEnd = starts[min(head, geometry.heads - 1u) + 1u];
  var laneLargest = LEAST;
  for (var n = unitsBegin + word; n < unitsEnd; n += LANES) {
    let statistics = partials[partialOf(headUnits[n], row)];
    if (statistics.y > 0.0) {
      laneLargest = max(laneLargest, statistics.x);
    }
  }
  let largest = largestOfLanes(laneLargest, thread);
  if (head >= geometry.heads || word >= HEAD_WORDS) {
    return;
  }
  var total = 0.0;
  var sum = vec4f();
  for (var n = unitsBegin; n < unitsEnd; n++) {
    let at = partialOf(headUnits[n], row);
    let statistics = partials[at];
    if (statistics.y > 0.0) {
      let weight = exp2(statistics.x - largest);
      total = fma(statistics.y, weight, total);
      sum = fma(vec4f(weight), partials[at + 1u + word], sum);
    }
  }
  // no key at all: zeros (torchscale's uncovered query)
  let value = select(sum / max(total, 1e-30), vec4f(), total == 0.0);
  out[(rowBlock.firstRow + row) * geometry.outWords + head * HEAD_WORDS + word] = value;
}
