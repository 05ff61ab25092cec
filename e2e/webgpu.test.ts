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
    expect(valueOf('backend')).toMatch(/^auto takes the processor/);
  });
});
