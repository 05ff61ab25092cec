/**
 * Ids of the `count` largest logits, largest first, of equal ones the lower id first. O(n log count): a heap whose
 * root is the smallest id kept.
 * @param logits f32 [vocabulary], no NaN
 */
export function largest(logits: Float32Array, count: number): Int32Array {
  const size = Math.min(count, logits.length);
  const heap = new Int32Array(size);
  const isBefore = (a: number, b: number): boolean =>
    logits[a] > logits[b] || (logits[a] === logits[b] && a < b);

  const siftDown = (start: number): void => {
    let parent = start;
    for (;;) {
      let last = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < size && isBefore(heap[last], heap[child])) last = child;
      }
      if (last === parent) return;
      [heap[parent], heap[last]] = [heap[last], heap[parent]];
      parent = last;
    }
  };

  for (let id = 0; id < size; id++) heap[id] = id;
  for (let i = (size >> 1) - 1; i >= 0; i--) siftDown(i);
  for (let id = size; id < logits.length; id++) {
    if (size === 0 || !isBefore(id, heap[0])) continue;
    heap[0] = id;
    siftDown(0);
  }
  return heap.sort((a, b) => (isBefore(a, b) ? -1 : 1));
}
