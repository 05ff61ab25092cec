/** How much of one text is in another, in order: the longest common subsequence of their characters. */

/** white space says nothing here, compatibility forms (ligatures, full width) count as their letters */
export function bareCharacters(text: string): string {
  return text.normalize('NFKC').replace(/[\s\u00ad\u200b-\u200f\u202a-\u202e\ufeff]+/g, '');
}

/**
 * Length of the longest common subsequence in UTF-16 code units; bit-parallel (Hyyrö 2004), 32 columns a step.
 * Common ends are taken off first.
 */
export function commonInOrder(a: string, b: string): number {
  let head = 0;
  while (head < a.length && head < b.length && a.charCodeAt(head) === b.charCodeAt(head)) head++;
  let tail = 0;
  const most = Math.min(a.length, b.length) - head;
  while (tail < most && a.charCodeAt(a.length - 1 - tail) === b.charCodeAt(b.length - 1 - tail)) tail++;
  return head + tail + middleInOrder(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
}

function middleInOrder(a: string, b: string): number {
  if (a === '' || b === '') return 0;
  const words = Math.ceil(a.length / 32);
  const places = new Map<number, Uint32Array>();
  for (let at = 0; at < a.length; at++) {
    const code = a.charCodeAt(at);
    let bits = places.get(code);
    if (bits === undefined) places.set(code, (bits = new Uint32Array(words)));
    bits[at >>> 5] = (bits[at >>> 5] ?? 0) | (1 << (at & 31));
  }
  const row = new Uint32Array(words).fill(0xffffffff);
  for (let at = 0; at < b.length; at++) {
    const bits = places.get(b.charCodeAt(at));
    if (bits === undefined) continue;
    let carry = 0;
    for (let word = 0; word < words; word++) {
      const old = row[word] ?? 0;
      const matched = (old & (bits[word] ?? 0)) >>> 0;
      const sum = old + matched + carry;
      carry = sum > 0xffffffff ? 1 : 0;
      row[word] = ((sum >>> 0) | (old & ~matched)) >>> 0;
    }
  }
  let length = 0;
  for (let at = 0; at < a.length; at++) if (((row[at >>> 5] ?? 0) & (1 << (at & 31))) === 0) length++;
  return length;
}
