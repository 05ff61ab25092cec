// As reduce-workgroup.wgsl, to the last bit: levels of the tree within a subgroup are shuffles, in an order that is
// ours (subgroupAdd's is the driver's), and only those above go through workgroup memory. Right where the lanes of a
// subgroup are SUBGROUP threads beside each other, which subgroup-test.ts finds out.
// Needs: `alias Number`, `const LANES`, `const THREADS` as there, and `const SUBGROUP` (a power of 2).
enable subgroups;

var<workgroup> reduced: array<Number, THREADS>;

fn sumOfLanes(own: Number, thread: u32) -> Number {
  var sum = own;
  for (var distance = 1u; distance < min(LANES, SUBGROUP); distance *= 2u) {
    sum = sum + subgroupShuffleXor(sum, distance);
  }
  for (var distance = SUBGROUP; distance < LANES; distance *= 2u) {
    if (distance > SUBGROUP) {
      workgroupBarrier();
    }
    reduced[thread] = sum;
    workgroupBarrier();
    sum = sum + reduced[thread ^ distance];
  }
  return sum;
}

fn largestOfLanes(own: Number, thread: u32) -> Number {
  var largest = own;
  for (var distance = 1u; distance < min(LANES, SUBGROUP); distance *= 2u) {
    largest = max(largest, subgroupShuffleXor(largest, distance));
  }
  for (var distance = SUBGROUP; distance < LANES; distance *= 2u) {
    if (distance > SUBGROUP) {
      workgroupBarrier();
    }
    reduced[thread] = largest;
    workgroupBarrier();
    largest = max(largest, reduced[thread ^ distance]);
  }
  return largest;
}
