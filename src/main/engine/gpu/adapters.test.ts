import { afterEach, describe, expect, it } from 'vitest';
import { listAdapters } from './adapters.ts';
import { skippedWithoutAdapters, skipWithoutAdapters } from './testing/software-adapters.ts';

const drivers = process.env['VK_ICD_FILENAMES'];
afterEach(() => {
  if (drivers === undefined) delete process.env['VK_ICD_FILENAMES'];
  else process.env['VK_ICD_FILENAMES'] = drivers;
});

describe.skipIf(skipWithoutAdapters)(`listAdapters${skippedWithoutAdapters}`, () => {
  it('tells every adapter with what kernels may use of it', async () => {
    const { adapters, problem } = await listAdapters();
    expect(problem).toBeNull();
    expect(adapters).toHaveLength(2);
    const lavapipe = adapters.find(({ name }) => name.includes('llvmpipe'));
    expect(lavapipe).toMatchObject({ software: true, largestBinding: 2 ** 27 });
    expect(lavapipe?.features).toEqual(expect.arrayContaining(['shader-f16', 'subgroups']));
    expect(adapters.find(({ name }) => name.includes('SwiftShader'))?.features).not.toContain('shader-f16');
  });

  it('says what to do where there is none', async () => {
    process.env['VK_ICD_FILENAMES'] = '/nowhere.json';
    expect(await listAdapters()).toEqual({
      adapters: [],
      problem: expect.stringMatching(/No graphics adapter.*Vulkan driver.*--backend cpu/) as string,
    });
  });
});
