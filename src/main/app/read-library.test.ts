import { describe, expect, it } from 'vitest';
import { CHECKPOINT_GRID, pieceEnd } from './read-library.ts';

describe('pieceEnd', () => {
  it('ends at the grid when that is near in time', () => {
    expect(pieceEnd(0, 1_000_000, 1000)).toBe(CHECKPOINT_GRID);
    expect(pieceEnd(CHECKPOINT_GRID, 1_000_000, 1000)).toBe(2 * CHECKPOINT_GRID);
    expect(pieceEnd(20_000, 1_000_000, 1000)).toBe(2 * CHECKPOINT_GRID);
  });

  it('ends earlier on a slow machine, within about a minute of reading', () => {
    const end = pieceEnd(0, 1_000_000, 50);
    expect(end).toBe(2048);
    expect(end / 50).toBeLessThanOrEqual(60);
  });

  it('always goes on, however slow', () => {
    expect(pieceEnd(5, 1_000_000, 0.001)).toBe(1024);
  });

  it('ends with the library', () => {
    expect(pieceEnd(0, 700, 1000)).toBe(700);
  });
});
