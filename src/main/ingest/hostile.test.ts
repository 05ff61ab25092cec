/** Properties that hold for any input: no crash, no hang, no character lost. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { AppError } from '../../shared/errors.ts';
import type { ContentHash } from '../../shared/model/index.ts';
import { binaryKind } from './binary.ts';
import { decodeBytes } from './extract/encoding.ts';
import { extractEpub } from './extract/epub.ts';
import { htmlToText } from './extract/html-text.ts';
import { markdownSections, plainTextSections } from './extract/sections.ts';
import { makePassages } from './passages/index.ts';
import type { DocumentKind } from './types.ts';

const data = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../../shared/data');

// the same cases in every run of the tests; the fuzz tier draws new ones
fc.configureGlobal({ seed: 20261123 });

/** text with much structure in it */
const structured = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.constantFrom(
        '\n',
        '\n\n',
        '\t',
        '    ',
        '# T\n',
        '===\n',
        '```\n',
        'CHAPTER 1\n\n',
        'function f() {\n',
        '}\n',
        'class A:\n',
        '😀',
        '鯨',
        '<p>',
        '</p>',
        '<b/>',
        'x'.repeat(2000),
        'A sentence. '.repeat(50),
      ),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join('').toWellFormed());

describe('for any input', () => {
  it('passages are the text, in order, each a piece of it', () => {
    fc.assert(
      fc.property(
        structured,
        fc.constantFrom<DocumentKind>('text', 'markdown', 'code', 'epub', 'data', 'pdf'),
        fc.constantFrom('typescript', 'python', 'cpp', null),
        fc.integer({ min: 1, max: 400 }),
        (text, kind, language, target) => {
          const sections = kind === 'markdown' ? markdownSections(text) : plainTextSections(text);
          expect(sections.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text);
          const document = {
            kind,
            hash: '0'.repeat(64) as ContentHash,
            text,
            title: null,
            language,
            encoding: 'utf-8',
            sections,
            outcome: 'read',
            reason: null,
          } as const;
          const passages = makePassages(document, target);
          expect(passages.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text);
          const lines = text.split('\n').length;
          for (const { start, end, lineStart, lineEnd } of passages) {
            expect(end).toBeGreaterThan(start);
            expect(text.slice(start, end).isWellFormed()).toBe(true);
            expect(lineStart >= 1 && lineStart <= lineEnd && lineEnd <= lines).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('any bytes decode to well-formed text; the rule for binaries answers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        binaryKind(bytes);
        expect(decodeBytes(Buffer.from(bytes)).text.isWellFormed()).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('any HTML gives text, headings and anchors within it', () => {
    fc.assert(
      fc.property(structured, (html) => {
        const { text, headings } = htmlToText(html, new Set(['a']));
        for (const { start } of headings) expect(start).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 300 },
    );
  });

  const sample = join(data, 'epub3-samples', 'wasteland.epub');
  it.skipIf(!existsSync(sample))(
    '300 damaged copies of a book: text, or a reason (skipped without data/epub3-samples)',
    { timeout: 120_000 },
    async () => {
      const whole = readFileSync(sample);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
          fc.option(fc.nat(whole.length)),
          async (changes, length) => {
            const copy = Buffer.from(whole.subarray(0, length ?? whole.length));
            for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
            try {
              expect((await extractEpub(copy)).text).not.toBe('');
            } catch (error) {
              expect(error).toBeInstanceOf(AppError);
            }
          },
        ),
        { numRuns: 300 },
      );
    },
  );
});
