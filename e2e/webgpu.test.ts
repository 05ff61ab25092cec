/** The graphics backend through the command line, on a driver that computes on the processor. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../src/shared/rpc/index.ts';
import {
  skippedWithoutAdapters,
  skipWithoutAdapters,
  softwareAdapters,
} from '../src/main/engine/gpu/testing/software-adapters.ts';
import { encodeTinyLlama } from '../src/main/formats/testing/index.ts';
import { openTerminal, type Terminal } from './harness.ts';

/** Without a name: this machine may have a device file of a card, or none. */
const noFastCard = /no graphics card was found|computes on the processor/;

describe.skipIf(skipWithoutAdapters)(`--backend webgpu${skippedWithoutAdapters}`, () => {
  let terminal: Terminal;
  let model: string;
  beforeAll(async () => {
    process.env['LONGLEAF_GPU'] = softwareAdapters.lavapipe;
    terminal = await openTerminal();
    model = join(terminal.dataFolder, '..', 'tiny.gguf');
    await writeFile(model, encodeTinyLlama({ type: 'F32', trainedLength: 2048 }));
  });
  afterAll(() => terminal.close());

  const ask = (backend: string, ...more: readonly string[]) =>
    terminal.run(
      ...['ask', 'Who is there?', '--model', model, '--backend', backend, '--json'],
      ...['--temperature', '0', '--max-tokens', '24', ...more],
    );

  it('auto takes the processor where no card is fast, and says so in the receipt', async () => {
    delete process.env['LONGLEAF_GPU'];
    const ended = await ask('auto');
    process.env['LONGLEAF_GPU'] = softwareAdapters.lavapipe;
    const { backend, receipt } = ended.json() as Answer;
    expect(backend).toBe('cpu');
    expect(receipt.auto).toEqual({ backend: 'cpu', reason: expect.stringMatching(noFastCard) as string });
  }, 300_000);

  it('auto takes the processor where the model has no room on the card, and says so with the numbers', async () => {
    process.env['LONGLEAF_GPU_MEMORY_MB'] = '20';
    const ended = await ask('auto');
    delete process.env['LONGLEAF_GPU_MEMORY_MB'];
    const { backend, receipt } = ended.json() as Answer;
    expect(backend).toBe('cpu');
    expect(receipt.auto?.reason).toMatch(/takes \d+ MB on the graphics card, and 20 MB are free: weights/);
  }, 300_000);

  it('answers a question with the same tokens as cpu', async () => {
    const [cpu, webgpu] = [await ask('cpu'), await ask('webgpu')];
    expect([cpu.code, webgpu.code], webgpu.stderr).toEqual([0, 0]);
    const [expected, actual] = [cpu.json() as Answer, webgpu.json() as Answer];
    expect(actual.backend).toBe('webgpu');
    expect(actual.timings.decodeTokens).toBe(expected.timings.decodeTokens);
    expect(actual.answer).toBe(expected.answer);
    expect(actual.receipt).toEqual(expected.receipt);
    // the driver compiles every kernel on the processor, which others may be using
  }, 300_000);

  it('says what is missing where there is no adapter of that name', async () => {
    process.env['LONGLEAF_GPU'] = 'no such card';
    const ended = await ask('webgpu');
    process.env['LONGLEAF_GPU'] = softwareAdapters.lavapipe;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('No graphics adapter has "no such card" in its name.');
    expect(ended.stderr).toContain('--backend cpu');
  }, 300_000);

  it('doctor lists the adapters, and says what auto takes', async () => {
    const { findings } = (await terminal.run('doctor', '--model', model, '--json')).json() as {
      readonly findings: readonly { readonly name: string; readonly value: string }[];
    };
    const valueOf = (name: string) => findings.find((finding) => finding.name === name)?.value;
    expect(valueOf('adapters')).toMatch(/SwiftShader.*llvmpipe.*software.*shader-f16/);
    // chosen by name, tested there and then
    expect(valueOf('backend')).toMatch(/^auto takes the graphics card: llvmpipe.* was chosen by name/);
  });
});
