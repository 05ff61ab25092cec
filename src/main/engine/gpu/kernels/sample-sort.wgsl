// All items in order: a bitonic sort.
fn arrange(thread: u32) {
  for (var size = 2u; size <= ITEMS; size *= 2u) {
    for (var distance = size / 2u; distance > 0u; distance /= 2u) {
      for (var n = thread; n < ITEMS / 2u; n += 256u) {
        let low = (n / distance) * distance * 2u + n % distance;
        let a = items[low];
        let b = items[low + distance];
        let isAscending = (low & size) == 0u;
        if (isBefore(b, a) == isAscending) {
          items[low] = b;
          items[low + distance] = a;
        }
      }
      workgroupBarrier();
    }
  }
}
