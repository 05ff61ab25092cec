/** The graphics backend through the command line, on a driver that computes on the processor. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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

/** @returns the manifest of a Vulkan driver that does this when the loader first speaks to it */
async function brokenDriver(folder: string, statement: string): Promise<string> {
  const path = (extension: string): string => join(folder, `broken-driver.${extension}`);
  const entry = 'vk_icdNegotiateLoaderICDInterfaceVersion';
  await writeFile(
    path('cpp'),
    `#include <cstdlib>\n#include <unistd.h>\nextern "C" int ${entry}(unsigned*) { ${statement} }\n`,
  );
  await promisify(execFile)('g++', ['-shared', '-fPIC', '-o', path('so'), path('cpp')]);
  const manifest = { file_format_version: '1.0.0', ICD: { library_path: path('so'), api_version: '1.3.0' } };
  await writeFile(path('json'), JSON.stringify(manifest));
  return path('json');
}

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

  describe('with a driver that fails', () => {
    const drivers = process.env['VK_ICD_FILENAMES'] ?? '';
    afterEach(() => {
      process.env['VK_ICD_FILENAMES'] = drivers;
      delete process.env['LONGLEAF_GPU_SECONDS'];
    });

    it('one that never answers: --backend webgpu says so, auto takes the processor, nothing hangs', async () => {
      process.env['VK_ICD_FILENAMES'] = await brokenDriver(terminal.dataFolder, 'for (;;) pause();');
      process.env['LONGLEAF_GPU_SECONDS'] = '3';
      const refused = await ask('webgpu');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/did not answer for 3 s when its adapter was opened and tested/);
      const { backend, receipt } = (await ask('auto')).json() as Answer;
      expect(backend).toBe('cpu');
      expect(receipt.auto?.reason).toMatch(/tried the graphics card: .*did not answer for 3 s/);
    }, 300_000);

    it('one that crashes: auto takes the processor', async () => {
      process.env['VK_ICD_FILENAMES'] = await brokenDriver(terminal.dataFolder, 'abort();');
      const { backend, receipt } = (await ask('auto')).json() as Answer;
      expect(backend).toBe('cpu');
      expect(receipt.auto?.reason).toMatch(/tried the graphics card: .*ended unexpectedly \(SIGABRT\)/);
    }, 300_000);
  });

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
