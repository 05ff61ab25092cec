import { describe, expect, it } from 'vitest';
import type { ContentHash } from '../../shared/model/index.ts';
import type { DocumentSlice } from '../../shared/rpc/index.ts';
import { around } from './passage-page.ts';

const text = 'First line here. Second one\nbreaks. The quote itself. After it.\n\nNew paragraph.';
const quote = 'The quote itself.';
const start = text.indexOf(quote);
const slice = (kind = 'text', own = text): DocumentSlice => ({
  path: 'a',
  hash: 'h' as ContentHash,
  kind,
  title: null,
  outcome: 'read',
  reason: null,
  tokens: 1,
  length: own.length,
  lines: 4,
  sections: [],
  from: 0,
  line: 1,
  text: own,
});
const citation = { document: 'a', path: 'a', start, end: start + quote.length, quote };

describe('around', () => {
  it('verifies the words at their place, and joins lines of print', () => {
    expect(around(slice(), citation, 400)).toEqual({
      before: 'First line here. Second one breaks. ',
      quote,
      after: ' After it.\n\nNew paragraph.',
      verified: true,
      code: false,
    });
  });
  it('says when the document holds other words there', () => {
    expect(around(slice('text', text.replace('itself', 'changed')), citation, 50).verified).toBe(false);
  });
  it('keeps the lines of code', () => expect(around(slice('code'), citation, 400).before).toContain('\n'));
});
