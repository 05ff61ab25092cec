import { describe, expect, it } from 'vitest';
import { AppError } from '../../../shared/errors.ts';
import { encodeTinyLlama } from '../testing/index.ts';
import { checkConsistency } from './consistency.ts';
import { memorySource } from './header-bytes.ts';
import { readHeader } from './header.ts';

/** Park-Miller: small, and the same on every machine. */
function randomIntegers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 0x7fffffff;
    return state % below;
  };
}

const interesting = [0, 1, 0x7f, 0x80, 0xff];

/** One copy of `original` with one to four faults, mostly in its header. */
function mutate(original: Uint8Array, headerBytes: number, random: (below: number) => number): Uint8Array {
  let bytes = Uint8Array.from(original);
  for (let fault = random(4); fault >= 0; fault--) {
    const at = random(Math.min(headerBytes, bytes.length));
    const kind = random(5);
    if (kind === 0) bytes[at] ^= 1 << random(8);
    else if (kind === 1) bytes[at] = interesting[random(interesting.length)];
    else if (kind === 2) bytes = bytes.slice(0, Math.max(8, at));
    else if (kind === 3) bytes.copyWithin(at, random(bytes.length), random(bytes.length));
    else bytes.fill(0xff, at, at + 8);
  }
  return bytes;
}

describe('mutated GGUF headers', () => {
  // `npm run fuzz` raises the count.
  const copies = Number(process.env['LONGLEAF_FUZZ_COPIES'] ?? 5000);

  it(`end as a header or as a named fault (${copies} copies)`, () => {
    const original = encodeTinyLlama();
    const headerBytes = readHeader(memorySource(original)).dataOffset;
    const random = randomIntegers(20_261_123);
    const counts = { accepted: 0, refused: 0 };
    let slowest = 0;
    for (let copy = 0; copy < copies; copy++) {
      const bytes = mutate(original, headerBytes, random);
      const start = performance.now();
      try {
        const header = readHeader(memorySource(bytes));
        checkConsistency(header.metadata);
        for (const tensor of header.tensors.values())
          expect(tensor.offset + tensor.bytes, `copy ${copy}`).toBeLessThanOrEqual(bytes.length);
        counts.accepted++;
      } catch (error) {
        if (!(error instanceof AppError)) throw new Error(`copy ${copy}`, { cause: error });
        counts.refused++;
      }
      slowest = Math.max(slowest, performance.now() - start);
    }
    expect(counts.accepted).toBeGreaterThan(copies / 50);
    expect(counts.refused).toBeGreaterThan(copies / 3);
    expect(slowest).toBeLessThan(1000);
  });
});
