import { afterEach, describe, expect, it } from 'vitest';
import { listAdapters } from './adapters.ts';
import { requestAdapter } from './dawn.ts';
import { Device } from './device.ts';
import { skippedWithoutAdapters, skipWithoutAdapters } from './testing/software-adapters.ts';

const drivers = process.env['VK_ICD_FILENAMES'];
afterEach(() => {
  if (drivers === undefined) delete process.env['VK_ICD_FILENAMES'];
  else process.env['VK_ICD_FILENAMES'] = drivers;
});

function limitsOf({ limits }: GPUAdapter): Record<string, number> {
  const names = [
    ...['maxBufferSize', 'maxStorageBufferBindingSize', 'maxStorageBuffersPerShaderStage'],
    ...['maxComputeWorkgroupStorageSize', 'maxComputeInvocationsPerWorkgroup'],
  ] as const;
  return Object.fromEntries(names.map((name) => [name, limits[name as keyof GPUSupportedLimits] as number]));
}

describe.skipIf(skipWithoutAdapters)(`listAdapters${skippedWithoutAdapters}`, () => {
  it('tells every adapter with what kernels may use of it', async () => {
    const { adapters, problem } = await listAdapters();
    expect(problem).toBeNull();
    expect(adapters).toHaveLength(2);
    const lavapipe = adapters.find(({ name }) => name.includes('llvmpipe'));
    expect(lavapipe).toMatchObject({ software: true, largestBinding: 2 ** 27 });
    expect(lavapipe?.subgroupSize).toBeGreaterThanOrEqual(4);
    expect(lavapipe?.features).toEqual(expect.arrayContaining(['shader-f16', 'subgroups']));
    expect(adapters.find(({ name }) => name.includes('SwiftShader'))?.features).not.toContain('shader-f16');
  });

  it('one that does not give the limits it names is refused by name, with the remedy', async () => {
    const adapter = await requestAdapter('llvmpipe');
    const boasting = { ...limitsOf(adapter), maxComputeWorkgroupStorageSize: 2 ** 30 };
    const refusing = {
      info: adapter.info,
      features: adapter.features,
      limits: boasting,
      requestDevice: (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
    } as unknown as GPUAdapter;
    await expect(Device.onAdapter(refusing)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/llvmpipe.* refuses to be opened: .*1073741824/) as string,
      hint: expect.stringMatching(/--backend cpu/) as string,
    });
  });

  it('says what to do where there is none', async () => {
    process.env['VK_ICD_FILENAMES'] = '/nowhere.json';
    expect(await listAdapters()).toEqual({
      adapters: [],
      problem: expect.stringMatching(/No graphics adapter.*Vulkan driver.*--backend cpu/) as string,
    });
  });
});
