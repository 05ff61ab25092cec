// Few queries: a workgroup has one row and up to eight heads that share keys and values, so that each is read once
// for all of them. Needs: attention.wgsl, reduce-*.wgsl.
const HEADS = 8u;
alias Number = f32;
const LANES = 16u; // of each head
const THREADS = HEADS * LANES;

var<workgroup> staged: array<vec4f, 1088>; // keys, 17 words apart (no two lanes in one bank), then values, 16 apart
var<workgroup> queries: array<vec4f, HEADS * CHUNKS * 16u>;
var<workgroup> scores: array<f32, HEADS * TILE>; // then weights

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let unit = units[group.x];
  let ring = rings[unit.ring];
  let row = group.y;
  let firstHead = group.z * HEADS;
  if (firstHead >= ring.headCount) {
    return;
  }
  let heads = min(HEADS, ring.headCount - firstHead);
  let range = visible[(rowBlock.firstRow + row) * geometry.rings + unit.ring];
  let key = thread % TILE;
  let half = thread / TILE;
  let head = thread / LANES;
  let lane = thread % LANES;

  for (var i = thread; i < heads * CHUNKS * 16u; i += 128u) {
    let query = ring.firstHead + firstHead + i / (CHUNKS * 16u);
    queries[i] = queryAt(rowBlock.firstRow + row, query, ring.turnClass, i % (CHUNKS * 16u));
  }
  var largest = LEAST;
  var laneSum = 0.0;
  var sums: array<vec4f, CHUNKS>;

  for (var start = unit.first; start < unit.first + UNIT; start += TILE) {
    if (start >= range.end || start + TILE <= range.first) {
      continue;
    }
    var mine = vec4f();
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      workgroupBarrier();
      for (var i = thread; i < TILE * 16u; i += 128u) {
        staged[(i / 16u) * 17u + i % 16u] = keyAt(ring, start + i / 16u, chunk * 16u + i % 16u);
      }
      workgroupBarrier();
      for (var word = 0u; word < 16u; word++) {
        let k = staged[key * 17u + word];
        for (var n = 0u; n < 4u; n++) {
          if (half + 2u * n < heads) {
            mine[n] = scored(mine[n], queries[((half + 2u * n) * CHUNKS + chunk) * 16u + word], k);
          }
        }
      }
    }
    let entry = start + key;
    let seen = entry >= range.first && entry < range.end;
    let score = capped(mine);
    for (var n = 0u; n < 4u; n++) {
      scores[(half + 2u * n) * TILE + key] = select(LEAST, score[n], seen);
    }
    workgroupBarrier();

    let at = head * TILE + 4u * lane;
    let four = vec4f(scores[at], scores[at + 1u], scores[at + 2u], scores[at + 3u]);
    let laneLargest = max(max(four.x, four.y), max(four.z, four.w));
    let newLargest = max(largest, largestOfLanes(laneLargest, thread));
    let shrink = exp2(largest - newLargest);
    largest = newLargest;
    let entries = vec4u(start + 4u * lane) + vec4u(0u, 1u, 2u, 3u);
    let seenFour = (entries >= vec4u(range.first)) & (entries < vec4u(range.end));
    let weights = select(vec4f(), exp2(four - newLargest), seenFour);
    laneSum = fma(laneSum, shrink, (weights.x + weights.y) + (weights.z + weights.w));
    for (var n = 0u; n < 4u; n++) {
      scores[at + n] = weights[n];
    }

    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      workgroupBarrier();
      for (var i = thread; i < TILE * 16u; i += 128u) {
        staged[i] = valueAt(ring, start + i / 16u, chunk * 16u + i % 16u);
      }
      workgroupBarrier();
      var sum = sums[chunk] * shrink;
      if (head < heads) {
        for (var j = 0u; j < TILE; j++) {
          sum = fma(vec4f(scores[head * TILE + j]), staged[j * 16u + lane], sum);
        }
      }
      sums[chunk] = sum;
    }
  }

  workgroupBarrier();
  laneSum = sumOfLanes(laneSum, thread);
  if (head < heads) {
    let at = partialAt(group.x, row, firstHead + head);
    if (lane == 0u) {
      partials[at] = vec4f(largest, laneSum, 0.0, 0.0);
    }
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      let word = chunk * 16u + lane;
      if (word < HEAD_WORDS && laneSum > 0.0) {
        partials[at + 1u + word] = sums[chunk];
      }
    }
  }
}
