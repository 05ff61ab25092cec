// From the logits of one row to the best candidates of each 2048 of them, after the repetition penalty; and what the
// probability of a token needs: maximum and sum of exponentials of each 2048, before it.
// Twin: sampling/sampler.ts. Needs: sample-items.wgsl, reduce-*.wgsl, `const KEEP`, sample-best.wgsl or
// sample-sort.wgsl.
struct Statistics {
  largest: f32,
  sum: f32, // of exp(logit - largest)
  broken: u32, // 1: a logit is not a number, or infinite
  reserved: u32,
}

@group(0) @binding(0) var<uniform> sampling: Sampling;
@group(0) @binding(1) var<storage, read> turn: Turn;
@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read> recent: array<u32>;
@group(0) @binding(4) var<storage, read_write> candidates: array<vec2u>; // [groups][KEEP][bits of the logit, id]
@group(0) @binding(5) var<storage, read_write> statistics: array<Statistics>; // [groups]

var<workgroup> broken: atomic<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first = group.x * ITEMS;
  var largest = LEAST;
  for (var i = thread; i < ITEMS; i += 256u) {
    let id = first + i;
    var item = Item(LEAST, NONE);
    if (id < sampling.vocabulary) {
      let bits = bitcast<u32>(logits[id]);
      // minus infinity is a logit; not a number and plus infinity are not
      if ((bits & 0x7f800000u) == 0x7f800000u && bits != 0xff800000u) {
        atomicStore(&broken, 1u);
      }
      item = Item(max(logits[id], LEAST), id);
      largest = max(largest, item.logit);
    }
    items[i] = item;
  }
  largest = largestOfLanes(largest, thread);
  workgroupBarrier();
  var sum = 0.0;
  for (var i = thread; i < ITEMS; i += 256u) {
    sum += select(0.0, exp(items[i].logit - largest), items[i].id != NONE);
  }
  sum = sumOfLanes(sum, thread);
  if (thread == 0u) {
    statistics[group.x] = Statistics(largest, sum, atomicLoad(&broken), 0u);
  }

  workgroupBarrier();
  // each id of the window once, however often it is there
  for (var i = thread; i < turn.recent; i += 256u) {
    let id = recent[i];
    var isFirst = id >= first && id < min(first + ITEMS, sampling.vocabulary);
    for (var before = 0u; before < i && isFirst; before++) {
      isFirst = recent[before] != id;
    }
    if (isFirst) {
      let logit = items[id - first].logit;
      items[id - first].logit = select(logit * sampling.penalty, logit / sampling.penalty, logit > 0.0);
    }
  }
  workgroupBarrier();
  arrange(thread);
  for (var i = thread; i < KEEP; i += 256u) {
    candidates[group.x * KEEP + i] = vec2u(bitcast<u32>(items[i].logit), items[i].id);
  }
}
