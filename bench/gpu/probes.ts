/** The ceilings of this adapter as WGSL reaches them: copying, multiplying, and starting a kernel. */
import { performance } from 'node:perf_hooks';
import { Device } from '../../src/main/engine/gpu/device.ts';
import type { StageOptions } from './report.ts';
import { medianOf, report, rounded } from './report.ts';

const copyCode = `
@group(0) @binding(0) var<storage, read> from_: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> to: array<vec4f>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let start = (group.y * 65535u + group.x) * 1024u + thread;
  for (var i = 0u; i < 4u; i++) {
    if (start + 256u * i < arrayLength(&to)) { to[start + 256u * i] = from_[start + 256u * i]; }
  }
}`;

/** 16 chains of vec4: 128 operations for each thread and round. */
const multiplyCode = `
const ROUNDS = 4096u;
@group(0) @binding(0) var<storage, read_write> to: array<vec4f>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var sums: array<vec4f, 16>;
  let x = vec4f(f32(id.x % 7u) * 1e-3);
  for (var i = 0u; i < ROUNDS; i++) {
    for (var n = 0u; n < 16u; n++) { sums[n] = fma(sums[n], x, x); }
  }
  var sum = vec4f();
  for (var n = 0u; n < 16u; n++) { sum += sums[n]; }
  to[id.x] = sum;
}`;

const emptyCode = `
@group(0) @binding(0) var<storage, read_write> to: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) { to[id.x] += vec4f(1.0); }`;

export async function probes({ device: name, tiny }: StageOptions): Promise<void> {
  const device = await Device.open(name ?? undefined);
  const bytes = tiny ? 2 ** 20 : Math.min(2 ** 30, device.largestBinding);
  const [from, to] = [device.storage(bytes, 'A probe'), device.storage(bytes, 'A probe')];
  const groups = Math.ceil(bytes / 16 / 1024);
  const copy = await kernel(device, copyCode, { 0: from, 1: to });
  const seconds = await timed(device, () => {
    dispatch(device, copy, 4, Math.min(65_535, groups), Math.ceil(groups / 65_535));
  });
  report({ probes: { copyGBs: rounded((4 * 2 * bytes) / seconds / 1e9) } });

  const threads = tiny ? 256 : 132 * 16 * 256 * 4;
  const rounds = 4096;
  const target = device.storage(threads * 16, 'A probe');
  const multiply = await kernel(device, multiplyCode, { 0: target });
  const work = await timed(device, () => {
    dispatch(device, multiply, 1, threads / 256, 1);
  });
  report({ probes: { fmaTFLOPs: rounded((threads * rounds * 128) / work / 1e12, 2) } });

  const empty = await kernel(device, emptyCode, { 0: target });
  const count = tiny ? 20 : 2000;
  const gaps = await timed(device, () => {
    dispatch(device, empty, count, 1, 1);
  });
  report({ probes: { microsecondsPerDependentDispatch: rounded((gaps * 1e6) / count, 2) } });
  const back: number[] = [];
  for (let i = 0; i < 50; i++) {
    const begin = performance.now();
    await device.read([{ buffer: target, offset: 0, bytes: 16 }]);
    back.push(performance.now() - begin);
  }
  report({ probes: { readBackMs: rounded(medianOf(back), 3) } });
  device.release();
}

interface Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

async function kernel(device: Device, code: string, buffers: Record<number, GPUBuffer>): Promise<Kernel> {
  const module = device.gpu.createShaderModule({ code });
  const pipeline = await device.gpu.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  return { pipeline, group: device.bindGroup(pipeline, buffers) };
}

function dispatch(device: Device, { pipeline, group }: Kernel, count: number, x: number, y: number): void {
  const encoder = device.gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  for (let i = 0; i < count; i++) pass.dispatchWorkgroups(x, y);
  pass.end();
  device.gpu.queue.submit([encoder.finish()]);
}

/** @returns seconds, the median of five after one that warms up */
async function timed(device: Device, work: () => void): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 6; i++) {
    const begin = performance.now();
    work();
    await device.gpu.queue.onSubmittedWorkDone();
    times.push((performance.now() - begin) / 1000);
  }
  return medianOf(times.slice(1));
}
