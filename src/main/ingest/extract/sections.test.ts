import { describe, expect, it } from 'vitest';

import { markdownSections, plainTextSections } from './sections.ts';

function outline(text: string, sections: ReturnType<typeof markdownSections>): string[] {
  expect(sections.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text);
  return sections.map(({ headings }) => headings.join('/'));
}

describe('sections', () => {
  it('Markdown: ATX and setext headings, not in code, not after lists', () => {
    const text =
      'intro\n\n# One #\ntext\n\n## Two `x` [link](u)\n```sh\n# comment\n~~~\n```\nThree\n=====\n\n- item\n---\n#nothing\n####### seven\n### **Deep**\n#\nend';
    expect(outline(text, markdownSections(text))).toEqual([
      '',
      'One',
      'One/Two x link',
      'Three',
      'Three/Deep',
    ]);
  });
  it('Markdown without headings, and the empty text', () => {
    expect(outline('a\nb', markdownSections('a\nb'))).toEqual(['']);
    expect(markdownSections('')).toEqual([]);
  });
  it('chapters of plain text stand alone between blank lines', () => {
    const text =
      'THE BOOK\n\nPART I\n\nCHAPTER 1. Loomings\n\nCall me Ishmael.\nChapter 2 is next.\n\nCHAPTER II\n\nMore.\n\nPART II\n\nx';
    expect(outline(text, plainTextSections(text))).toEqual([
      '',
      'PART I',
      'PART I/CHAPTER 1. Loomings',
      'PART I/CHAPTER II',
      'PART II',
    ]);
  });
  it('chapters at the very start and at the very end', () => {
    expect(outline('\nCHAPTER 1\n\nx', plainTextSections('\nCHAPTER 1\n\nx'))).toEqual(['', 'CHAPTER 1']);
    expect(outline('CHAPTER 1\n\nACT II', plainTextSections('CHAPTER 1\n\nACT II'))).toEqual([
      'CHAPTER 1',
      'ACT II',
    ]);
  });
});
