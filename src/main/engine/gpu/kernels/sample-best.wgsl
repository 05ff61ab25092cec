// The best item to the front: greedy decoding. Needs: reduce-*.wgsl.
fn arrange(thread: u32) {
  var best = Item(LEAST, NONE);
  for (var i = thread; i < ITEMS; i += 256u) {
    if (isBefore(items[i], best)) {
      best = items[i];
    }
  }
  let largest = largestOfLanes(best.logit, thread);
  workgroupBarrier();
  // of those that have it the lowest id; ids are below 2^24, exact in f32
  let isBest = best.logit == largest && best.id != NONE;
  let id = -largestOfLanes(select(LEAST, -f32(best.id), isBest), thread);
  if (thread == 0u) {
    items[0] = Item(largest, select(NONE, u32(id), id < -LEAST));
  }
  workgroupBarrier();
}
