/** The Python side: its own tests, and its models through the engine's reference. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, describe, expect, it } from 'vitest';
import { parsePlan } from '../src/main/engine/plan/schema.ts';
import { createReferenceRuntime } from '../src/main/engine/reference/index.ts';
import { nmse } from '../src/main/engine/testing/nmse.ts';
import { readInChunks } from '../src/main/engine/testing/runtime-conformance.ts';
import { openModel } from '../src/main/formats/index.ts';
import { trainingPython } from './python.ts';

const python = trainingPython();
const reason = python === null ? ' (skipped: PyTorch is not installed; .ci/machine.sh installs it)' : '';
const minutes = 60_000;

function run(...args: string[]): string {
  if (python === null) throw new Error('no Python');
  const { status, stdout, stderr } = spawnSync(python, args, { cwd: import.meta.dirname, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${String(status)}:\n${stdout}\n${stderr}`);
  return stdout;
}

it.skipIf(python === null)(
  `the tests in Python pass${reason}`,
  () => {
    expect(run('-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'tests')).toMatch(/\d+ passed/);
  },
  10 * minutes,
);

const casesSchema = v.object({
  ids: v.array(v.number()),
  cases: v.array(
    v.object({ adapter: v.boolean(), plan: v.record(v.string(), v.unknown()), logits: v.array(v.number()) }),
  ),
});

describe('models from PyTorch in the engine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-training-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.skipIf(python === null)(
    `logits of the reference equal PyTorch's under every plan, and with an adapter merged at load${reason}`,
    async () => {
      run('-m', 'tests.export_tiny', folder);
      const { ids, cases } = v.parse(
        casesSchema,
        JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')),
      );
      expect(cases).toHaveLength(6);
      for (const { adapter, plan, logits } of cases) {
        const gguf = await openModel(
          join(folder, 'tiny.gguf'),
          adapter ? join(folder, 'adapter.gguf') : undefined,
        );
        const runtime = await createReferenceRuntime(gguf).finally(() => gguf.close());
        const compiled = runtime.compile(parsePlan(plan, 'the test'));
        const all = await readInChunks(runtime, runtime.createCache(compiled), Int32Array.from(ids), [100]);
        const error = nmse(all.subarray(all.length - logits.length), Float32Array.from(logits));
        // 16-bit keys and values in the engine's cache
        expect(error, `${String(plan['name'])}, adapter: ${String(adapter)}`).toBeLessThan(1e-5);
      }
    },
    5 * minutes,
  );

  it.skipIf(python === null)(`an adapter for another model is refused${reason}`, async () => {
    await expect(openModel(join(folder, 'tiny.gguf'), join(folder, 'tiny.gguf'))).rejects.toThrow(
      'is not a LoRA adapter',
    );
  });
});

it('what train:adapt is not told rightly is said in a line, not as a stack', () => {
  const script = join(import.meta.dirname, 'run.ts');
  const wrong = [['--text'], ['--text', 'no such file'], ['--colour', 'red'], []];
  for (const args of wrong) {
    const { status, stderr } = spawnSync(process.execPath, [script, 'adapt', 'pack', ...args], {
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: .+\nhint: .+\n$/);
  }
});
