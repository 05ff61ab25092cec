import { describe, expect, it } from 'vitest';
import { citationMark, withCitationMarks } from './citation-marks.ts';

const shown = (text: string) => text.replace(/\uFDD0(\w+)\uFDD1/g, '[$1]');

describe('withCitationMarks', () => {
  it('puts a number behind the sentence that shares the words of the quote', () => {
    const answer = 'Starbuck was the mate. The ship was the Pequod. They met nine ships.';
    expect(shown(withCitationMarks(answer, ['the Pequod was a ship of the old school']))).toBe(
      'Starbuck was the mate. The ship was the Pequod.[0] They met nine ships.',
    );
  });

  it('does not end a sentence at Mrs.', () => {
    const answer = 'It is Mrs. Quillfeather. She keeps lighthouses.';
    expect(shown(withCitationMarks(answer, ['is Mrs. Quillfeather']))).toContain('Quillfeather.[0]');
  });

  it('keeps several at one place in order', () => {
    expect(shown(withCitationMarks('Ahab lost a leg.', ['Ahab', 'his leg']))).toBe('Ahab lost a leg.[0][1]');
  });

  it('stands before the marks that close emphasis, so that they still do', () => {
    expect(shown(withCitationMarks('**Ahab lost his leg.** So it goes.', ['lost his leg']))).toBe(
      '**Ahab lost his leg.[0]** So it goes.',
    );
  });

  it('never goes into code or tables', () => {
    const answer =
      'The function adds.\n\n```py\ndef add(a, b): return a + b\n```\n\n| add | sum |\n|---|---|\n';
    expect(shown(withCitationMarks(answer, ['def add(a, b): return a + b']))).toMatch(
      /^The function adds\.\[0\]/,
    );
  });

  it('takes items of a list one by one', () => {
    expect(shown(withCitationMarks('- Ahab\n- Starbuck\n- Stubb', ['Mr. Starbuck said']))).toBe(
      '- Ahab\n- Starbuck[0]\n- Stubb',
    );
  });

  it('finds sentences of Japanese', () => {
    expect(shown(withCitationMarks('彼は船長だ。鯨は白い。', ['白い鯨']))).toBe('彼は船長だ。鯨は白い。[0]');
  });

  it('takes marks of its own out of a text that holds them', () => {
    expect(withCitationMarks(`a${citationMark(7)}b`, [])).toBe('a7b');
  });

  it('falls back to the last sentence, and leaves a text without one alone', () => {
    expect(shown(withCitationMarks('One. Two.', ['zzz']))).toBe('One. Two.[0]');
    expect(withCitationMarks('```\nx\n```', ['x'])).toBe('```\nx\n```');
  });
});
