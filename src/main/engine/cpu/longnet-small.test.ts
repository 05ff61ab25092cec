/**
 * The LongNet of resources/models in the engine: what it was trained for (docs/longnet.md) it does here too. A fact is
 * said once, thousands of tokens of other text follow, and it is asked for. None of the plan's local segments reaches it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openGguf } from '../../formats/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import { createTokenizer } from '../../tokenizer/index.ts';
import { createCpuRuntime } from './index.ts';
import type { AttentionPlan } from '../plan/types.ts';
import { planOfModel } from '../plan/presets.ts';
import type { Runtime } from '../runtime.ts';
import { readInChunks } from '../testing/runtime-conformance.ts';

const root = join(import.meta.dirname, '../../../..');
const path = join(root, 'resources/models/longnet-small.gguf');
/** keys and values are words of the recall data (training/longnet/recall_data.py) */
const facts = [
  { key: ' child house', value: ' king' },
  { key: ' stack word', value: ' land' },
  { key: ' message host', value: ' work' },
  { key: ' people node', value: ' great' },
  { key: ' option things', value: ' children' },
  { key: ' string hand', value: ' path' },
  { key: ' command size', value: ' start' },
  { key: ' source time', value: ' error' },
];
const chunk = 512;

let runtime: Runtime;
let tokenizer: Tokenizer;
let plan: AttentionPlan;
let filler: Int32Array;

beforeAll(async () => {
  const gguf = await openGguf(path);
  runtime = await createCpuRuntime(gguf);
  tokenizer = createTokenizer(gguf.metadata);
  const own = planOfModel(gguf);
  if (own === null) throw new Error('The file says no plan.');
  plan = own;
  await gguf.close();
  filler = tokenizer.encode(readFileSync(join(root, 'LICENSE'), 'utf8'));
});

/** The facts, `distance` tokens of text, one question. @returns the most probable next token */
async function answer(key: string, distance: number): Promise<string> {
  const statements = facts.map((fact) => `\nset${fact.key} =${fact.value} ;\n`).join('');
  const between = Int32Array.from({ length: distance }, (_, i) => filler[i % filler.length] ?? 0);
  const ids = Int32Array.from([
    ...tokenizer.encode(statements),
    ...between,
    ...tokenizer.encode(`\nset${key} =`),
  ]);
  const sizes = Array.from({ length: Math.ceil(ids.length / chunk) }, () => chunk);
  const logits = await readInChunks(runtime, runtime.createCache(runtime.compile(plan)), ids, sizes);
  const last = logits.subarray(logits.length - runtime.hyperparameters.vocabulary);
  return tokenizer.decode([last.indexOf(Math.max(...last))]);
}

describe('longnet-small', () => {
  it('is small, and says its own plan', () => {
    expect(readFileSync(path).byteLength).toBeLessThan(15e6);
    expect(plan.name).toBe('longnet');
  });

  async function recalls(distance: number): Promise<void> {
    const right: string[] = [];
    for (const { key, value } of facts) {
      if ((await answer(key, distance)) === value) right.push(key);
    }
    // measured: 8 of 8 (15,000 tokens later: 7 of 8); guessing among the values said is 1 of 8
    expect(right.length).toBeGreaterThanOrEqual(7);
  }

  it('recalls facts 300 tokens later', () => recalls(300));

  const slow = process.env['LONGLEAF_SIMD'] === 'scalar';
  const skipped = slow ? ' (skipped with LONGLEAF_SIMD=scalar: 50,000 tokens take a quarter of an hour)' : '';
  it.skipIf(slow)(`recalls facts 6000 tokens later${skipped}`, () => recalls(6000));
});
