// Sums and maxima over lanes, through workgroup memory: LANES threads beside each other give a number each (or several,
// component by component), and all of them get the result. All threads of a workgroup call these functions together,
// with a barrier between two calls. A sum has the order of a balanced tree, so that reduce-subgroup.wgsl, whose levels
// are a subgroup's shuffles, gives the same bits.
// Needs: `alias Number`, `const LANES` (for sums a power of 4, at most 256), `const THREADS` (at least the workgroup's).
var<workgroup> reduced: array<Number, THREADS>;

fn sumOfLanes(own: Number, thread: u32) -> Number {
  var sum = own;
  // two levels of the tree at once
  for (var stride = 1u; stride < LANES; stride *= 4u) {
    if (stride > 1u) {
      workgroupBarrier();
    }
    reduced[thread] = sum;
    workgroupBarrier();
    let first = thread - thread % (4u * stride) + thread % stride;
    sum = (reduced[first] + reduced[first + stride]) + (reduced[first + 2u * stride] + reduced[first + 3u * stride]);
  }
  return sum;
}

fn largestOfLanes(own: Number, thread: u32) -> Number {
  var largest = own;
  let first = thread - thread % LANES;
  for (var stride = 1u; stride < LANES; stride *= 16u) {
    if (stride > 1u) {
      workgroupBarrier();
    }
    reduced[thread] = largest;
    workgroupBarrier();
    for (var i = 0u; i < 16u; i++) {
      // beyond the last lane those from the first on again: a maximum doesn't mind
      largest = max(largest, reduced[first + (thread + i * stride) % LANES]);
    }
  }
  return largest;
}
