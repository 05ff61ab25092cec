import { expect, it } from 'vitest';
import { ProgressMeter } from './job-progress.ts';

const reading = (done: number, phase: 'read' | 'checkpoint' | 'extract' = 'read') =>
  ({ kind: 'progress', phase, done, total: 10_000, unit: 'tokens' }) as const;

it('says the rate and the time left once a stretch was measured, and follows a change of speed', () => {
  const meter = new ProgressMeter();
  expect(meter.add(reading(0), 0)).toEqual({ rate: 0, secondsLeft: null });
  expect(meter.add(reading(50), 0.1)).toEqual({ rate: 0, secondsLeft: null }); // too short to say anything
  expect(meter.add(reading(1_000), 2)).toEqual({ rate: 500, secondsLeft: 18 });
  // a checkpoint belongs to the reading: the rate goes on
  expect(meter.add(reading(1_000, 'checkpoint'), 2.1).rate).toBe(500);
  const slower = meter.add(reading(1_200), 4);
  expect(slower.rate).toBeGreaterThan(100);
  expect(slower.rate).toBeLessThan(500);
  for (let second = 6; second < 60; second += 2) meter.add(reading(1_200 + (second - 4) * 100), second);
  expect(Math.round(meter.add(reading(1_200 + 56 * 100), 60).rate / 10)).toBe(10);
});

it('begins anew with another phase, and says nothing of the time where the total is not known', () => {
  const meter = new ProgressMeter();
  meter.add(reading(0, 'extract'), 0);
  meter.add(reading(5_000, 'extract'), 10);
  expect(meter.add(reading(0), 11)).toEqual({ rate: 0, secondsLeft: null });
  const open = { ...reading(0), total: 0 };
  meter.add(open, 12);
  expect(meter.add({ ...open, done: 300 }, 15)).toEqual({ rate: 100, secondsLeft: null });
});
