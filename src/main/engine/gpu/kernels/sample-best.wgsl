// The best item to the front: greedy decoding.
fn arrange(thread: u32) {
  for (var half = ITEMS / 2u; half > 0u; half /= 2u) {
    for (var i = thread; i < half; i += 256u) {
      let other = items[i + half];
      if (isBefore(other, items[i])) {
        items[i] = other;
      }
    }
    workgroupBarrier();
  }
}
