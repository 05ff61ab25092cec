import { describe, expect, it } from 'vitest';
import { encodeTinyLlama } from '../formats/testing/index.ts';
import { openGguf } from '../formats/index.ts';
import { createTokenizer } from '../tokenizer/index.ts';
import { documentWith, fillerText, inventFacts } from './facts.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

async function byteTokenizer(): Promise<ReturnType<typeof createTokenizer>> {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-facts-'));
  try {
    writeFileSync(join(folder, 'tiny.gguf'), encodeTinyLlama());
    const file = await openGguf(join(folder, 'tiny.gguf'));
    await file.close();
    return createTokenizer(file.metadata);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('documents with facts', () => {
  it('has each statement once, about as far from the end as it says, and filler elsewhere', async () => {
    const tokenizer = await byteTokenizer();
    const facts = inventFacts([100, 400, 1600], 3);
    const tokens = 3000;
    const filler = tokenizer.encode(fillerText(200)).slice(0, tokens);
    const ids = documentWith(facts, filler, tokens, tokenizer);
    expect(ids).toHaveLength(tokens);
    const text = tokenizer.decode(ids);
    for (const { statement, distance } of facts) {
      expect(text.split(statement)).toHaveLength(2);
      // One token is one byte here. Statements that want the same place stand one before the other.
      const fromEnd = tokens - text.indexOf(statement) - statement.length;
      expect(fromEnd).toBeGreaterThanOrEqual(distance);
      expect(fromEnd).toBeLessThan(distance + 3 * 45);
    }
    const rest = facts.reduce((left, { statement }) => left.replace(statement, ''), text);
    expect(fillerText(200).endsWith(rest) || fillerText(200).includes(rest)).toBe(true);
  });

  it('asks about every fact by its own name', () => {
    const facts = inventFacts([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 4);
    expect(new Set(facts.map(({ question }) => question)).size).toBe(facts.length);
  });
});
