import { describe, expect, it } from 'vitest';
import { tinyPlan } from '../testing/tiny-engine.ts';
import { checksumOf, decodeHeader, encodeHeader, type StateHeader } from './header.ts';

const header: StateHeader = {
  modelHash: 'a'.repeat(64),
  plan: tinyPlan(),
  variant: 'reference-f32',
  numericsVersion: 1,
  position: 1000,
  prefixHash: 'b'.repeat(64),
  bytes: 9_000_000,
  pageBytes: 4 * 1024 * 1024,
  pages: ['c'.repeat(64), 'd'.repeat(64), 'e'.repeat(64)],
  logits: { page: 'f'.repeat(64), vocabulary: 288 },
};

describe('the header of a stored state', () => {
  it('comes back equal', () => {
    expect(decodeHeader(encodeHeader(header))).toEqual(header);
    expect(decodeHeader(encodeHeader({ ...header, logits: null })).logits).toBeNull();
  });

  it('is refused when any byte differs or is missing', () => {
    const bytes = encodeHeader(header);
    for (let index = 0; index < bytes.length; index++) {
      const damaged = Uint8Array.from(bytes);
      damaged[index] ^= 1;
      expect(() => decodeHeader(damaged)).toThrow(expect.objectContaining({ code: 'corrupt' }));
    }
    for (let length = 0; length < bytes.length; length += 7)
      expect(() => decodeHeader(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'corrupt' }),
      );
  });

  it('has a checksum that depends on the pages and on nothing else', () => {
    expect(checksumOf(header)).toBe(checksumOf({ pages: header.pages }));
    expect(checksumOf({ pages: header.pages.toReversed() })).not.toBe(checksumOf(header));
  });
});
