// Many queries: a workgroup has 64 of the queries [row][head of the ring] and goes through the tiles of one unit.
// Thread (y, x) of 16 x 16 scores the queries 4y … 4y + 3 with the entries 4x … 4x + 3, then adds up the dimensions
// 4x … 4x + 3 of each chunk of 64 for its queries. Needs: attention.wgsl, reduce-*.wgsl.
const QUERIES = 64u;
alias Number = vec4f; // of the queries 4y … 4y + 3
const LANES = 16u; // the threads x
const THREADS = 256u;
const STEP = 8u; // words of a query and of a key that are staged at once: 32 dimensions
const KEYS = QUERIES * 9u; // where staged keys begin; rows are 9 words apart (no two lanes in one bank)
const VALUES = 2u * QUERIES * 9u; // where staged values begin: 32 entries, 16 words each

// queries and keys; in their place later the weights, 17 words a query; then values
var<workgroup> staged: array<vec4f, VALUES + 512u>;

fn stageValues(ring: Ring, first: u32, chunk: u32, thread: u32) {
  for (var i = thread; i < 512u; i += 256u) {
    staged[VALUES + i] = valueAt(ring, first + i / 16u, chunk * 16u + i % 16u);
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let unit = units[group.x];
  let ring = rings[unit.ring];
  let count = rowBlock.rows * ring.headCount;
  let firstQuery = group.y * QUERIES;
  if (firstQuery >= count) {
    return;
  }
  let x = thread % 16u;
  let y = thread / 16u;

  // what any of the queries sees, and each of this thread's
  var union_ = Range(0xffffffffu, 0u);
  let lastRow = (min(firstQuery + QUERIES, count) - 1u) / ring.headCount;
  for (var row = firstQuery / ring.headCount; row <= lastRow; row++) {
    let range = visible[(rowBlock.firstRow + row) * geometry.rings + unit.ring];
    if (range.end > range.first) {
      union_ = Range(min(union_.first, range.first), max(union_.end, range.end));
    }
  }
  var ranges: array<Range, 4>;
  for (var n = 0u; n < 4u; n++) {
    let query = min(firstQuery + 4u * y + n, count - 1u);
    ranges[n] = visible[(rowBlock.firstRow + query / ring.headCount) * geometry.rings + unit.ring];
  }

  var largest = vec4f(LEAST);
  var laneSum = vec4f();
  var sums: array<vec4f, 4u * CHUNKS>;

  for (var start = unit.first; start < unit.first + UNIT; start += TILE) {
    if (start >= union_.end || start + TILE <= union_.first) {
      continue;
    }
    // scores[n][m]: query 4y + n, entry 4x + m
    var scores = array<vec4f, 4>();
    for (var step = 0u; step < HEAD_WORDS; step += STEP) {
      workgroupBarrier();
      for (var i = thread; i < QUERIES * STEP; i += 256u) {
        let n = i / STEP;
        let word = step + i % STEP;
        let query = min(firstQuery + n, count - 1u);
        let row = rowBlock.firstRow + query / ring.headCount;
        staged[n * 9u + i % STEP] = queryAt(row, ring.firstHead + query % ring.headCount, ring.turnClass, word);
        // key n is put where its reader finds it in order: keys 0, 4, 8, … first
        staged[KEYS + ((n % 4u) * 16u + n / 4u) * 9u + i % STEP] = keyAt(ring, start + n, word);
      }
      workgroupBarrier();
      for (var word = 0u; word < STEP; word++) {
        let k0 = staged[KEYS + x * 9u + word];
        let k1 = staged[KEYS + (16u + x) * 9u + word];
        let k2 = staged[KEYS + (32u + x) * 9u + word];
        let k3 = staged[KEYS + (48u + x) * 9u + word];
        for (var n = 0u; n < 4u; n++) {
          let query = staged[(4u * y + n) * 9u + word];
          let before = scores[n];
          scores[n] = vec4f(
            scored(before.x, query, k0),
            scored(before.y, query, k1),
            scored(before.z, query, k2),
            scored(before.w, query, k3),
          );
        }
      }
    }
    let entries = vec4u(start + 4u * x) + vec4u(0u, 1u, 2u, 3u);
    var laneLargest = vec4f();
    for (var n = 0u; n < 4u; n++) {
      let seen = (entries >= vec4u(ranges[n].first)) & (entries < vec4u(ranges[n].end));
      let four = select(vec4f(LEAST), capped(scores[n]), seen);
      scores[n] = four;
      laneLargest[n] = max(max(four.x, four.y), max(four.z, four.w));
    }
    let newLargest = max(largest, largestOfLanes(laneLargest, thread));
    let shrink = exp2(largest - newLargest);
    largest = newLargest;
    workgroupBarrier(); // all have scored: weights take the place of queries and keys
    for (var n = 0u; n < 4u; n++) {
      let seen = (entries >= vec4u(ranges[n].first)) & (entries < vec4u(ranges[n].end));
      let weights = select(vec4f(), exp2(scores[n] - largest[n]), seen);
      laneSum[n] = fma(laneSum[n], shrink[n], (weights.x + weights.y) + (weights.z + weights.w));
      staged[(4u * y + n) * 17u + x] = weights;
    }

    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      for (var n = 0u; n < 4u; n++) {
        sums[chunk * 4u + n] *= shrink[n];
      }
      for (var half = 0u; half < 2u; half++) {
        if (chunk + half > 0u) {
          workgroupBarrier();
        }
        stageValues(ring, start + half * 32u, chunk, thread);
        workgroupBarrier();
        for (var j = 0u; j < 8u; j++) {
          let v0 = staged[VALUES + (4u * j) * 16u + x];
          let v1 = staged[VALUES + (4u * j + 1u) * 16u + x];
          let v2 = staged[VALUES + (4u * j + 2u) * 16u + x];
          let v3 = staged[VALUES + (4u * j + 3u) * 16u + x];
          for (var n = 0u; n < 4u; n++) {
            let weights = staged[(4u * y + n) * 17u + half * 8u + j];
            var sum = fma(vec4f(weights.x), v0, sums[chunk * 4u + n]);
            sum = fma(vec4f(weights.y), v1, sum);
            sum = fma(vec4f(weights.z), v2, sum);
            sums[chunk * 4u + n] = fma(vec4f(weights.w), v3, sum);
          }
        }
      }
    }
  }

  workgroupBarrier();
  laneSum = sumOfLanes(laneSum, thread);
  for (var n = 0u; n < 4u; n++) {
    let query = firstQuery + 4u * y + n;
    if (query < count) {
      let at = partialAt(group.x, query / ring.headCount, query % ring.headCount);
      if (x == 0u) {
        partials[at] = vec4f(largest[n], laneSum[n], 0.0, 0.0);
      }
      for (var chunk = 0u; chunk < CHUNKS; chunk++) {
        let word = chunk * 16u + x;
        if (word < HEAD_WORDS && laneSum[n] > 0.0) {
          partials[at + 1u + word] = sums[chunk * 4u + n];
        }
      }
    }
  }
}
