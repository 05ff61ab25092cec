import { describe, expect, it } from 'vitest';
import { segmentsOf, segmentText, type Segment } from './segments.ts';
import { wholeFence } from './whole-fence.ts';

const paragraph = `${'word '.repeat(200).trim()}\n\n`;

/** together they are the text, in order, without gaps */
function expectWhole(text: string, segments: readonly Segment[]): void {
  expect(segments.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text);
}

describe('segmentsOf', () => {
  it('leaves a short text in one', () => {
    expect(segmentsOf('Hello.')).toEqual([{ start: 0, end: 6, fence: null }]);
    expect(segmentsOf('')).toEqual([{ start: 0, end: 0, fence: null }]);
  });

  it('cuts a long text between paragraphs', () => {
    const text = paragraph.repeat(60);
    const segments = segmentsOf(text);
    expectWhole(text, segments);
    expect(segments.length).toBeGreaterThan(4);
    for (const { start } of segments.slice(1)) expect(text.slice(start - 2, start)).toBe('\n\n');
  });

  it('does not cut a list in two', () => {
    const text = `${paragraph.repeat(7)}${'- an item\n\n'.repeat(500)}${paragraph}`;
    for (const { start } of segmentsOf(text).slice(1)) expect(text.slice(start)).not.toMatch(/^-/);
  });

  it('goes on in a code block as in code', () => {
    const text = `Look:\n\n\`\`\`ts\n${'const x = 1;\n'.repeat(3_000)}\`\`\`\n\nDone.`;
    const segments = segmentsOf(text);
    expectWhole(text, segments);
    const [, second] = segments;
    expect(second?.fence).toEqual({ marks: '```', info: 'ts', start: 7 });
    expect(second === undefined ? '' : segmentText(text, second)).toMatch(/^```ts\nconst x = 1;\n/);
    expect(wholeFence(text, 7)).toBe('const x = 1;\n'.repeat(3_000).trimEnd());
  });

  it('cuts a megabyte without a line end, at spaces, never inside of a character', () => {
    for (const text of ['word '.repeat(200_000), '😀'.repeat(200_000)]) {
      const segments = segmentsOf(text);
      expectWhole(text, segments);
      for (const { start, end } of segments) expect(text.slice(start, end).isWellFormed()).toBe(true);
    }
  });

  it('comes to the same when the text streams in', () => {
    const text = `${paragraph.repeat(30)}\`\`\`py\n${'print(1)\n'.repeat(2_000)}\`\`\`\n\n${paragraph.repeat(30)}`;
    let streamed: Segment[] = [];
    for (let end = 0; end < text.length; end += 997) streamed = segmentsOf(text.slice(0, end), streamed);
    expect(segmentsOf(text, streamed)).toEqual(segmentsOf(text));
  });

  it('keeps what it has: only the last one changes', () => {
    const text = paragraph.repeat(40);
    const before = segmentsOf(text);
    const after = segmentsOf(text + paragraph, before);
    expect(after[0]).toBe(before[0]);
  });
});

describe('wholeFence', () => {
  it('ends with its own marks only', () => {
    expect(wholeFence('~~~~md\na\n~~~\n```\nb\n~~~~\nc', 0)).toBe('a\n~~~\n```\nb');
  });
  it('takes all of a block that is still open', () => expect(wholeFence('```\na\nb', 0)).toBe('a\nb'));
});
