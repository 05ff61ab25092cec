/** The cache of one sequence on the device: its rings, and the two kernels of a layer that work on them. */
import { AppError } from '../../../shared/errors.ts';
import { visibleKeys } from '../plan/count.ts';
import type { CompiledPlan } from '../plan/types.ts';
import { heldEntries } from '../plan/visibility.ts';
import type { EntryRange } from '../plan/visibility.ts';
import type { Cache } from '../runtime.ts';
import type { CacheContext } from './cache-context.ts';
import type { Piece } from './ring-memory.ts';
import { RingMemory } from './ring-memory.ts';
import { StepBuffers } from './step-buffers.ts';
import type { ChunkStep } from './step.ts';
import { copyCount, keyTurns, prepareStep, requiredEnds } from './step.ts';

interface BindGroups {
  readonly keyTurns: GPUBindGroup;
  /** one for each layer */
  readonly write: readonly GPUBindGroup[];
  readonly attend: readonly GPUBindGroup[];
}

export class GpuCache implements Cache {
  readonly compiled: CompiledPlan;
  readonly #context: CacheContext;
  readonly #step: StepBuffers;
  #rings: RingMemory;
  #bindGroups: BindGroups | null = null;
  #position = 0;
  #reach: Cache['reach'] = { exact: 0, sparse: 0 };
  #incoming: Uint8Array[] = [];
  #incomingBytes = 0;
  #inUse = false;

  constructor(context: CacheContext, compiled: CompiledPlan, rings?: RingMemory) {
    this.compiled = compiled;
    this.#context = context;
    this.#step = new StepBuffers(context, compiled);
    const none = compiled.rings.map(() => 0);
    this.#rings = rings ?? new RingMemory(context.device, compiled.geometry.headDim, context.layers, none);
  }

  get position(): number {
    return this.#position;
  }

  get reach(): Cache['reach'] {
    return this.#reach;
  }

  get bytes(): number {
    return this.#rings.bytes + this.#step.bytes;
  }

  /** Lends the cache to one forward pass: between layers nothing else may change it. */
  async lend<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseInUse();
    this.#inUse = true;
    try {
      return await work();
    } finally {
      this.#inUse = false;
    }
  }

  /** Makes room for `rows` tokens and finds what the kernels must know about them. */
  prepare(rows: number): ChunkStep {
    this.#reserve(requiredEnds(this.compiled, this.#position, rows));
    const { frequencies } = this.#context;
    return prepareStep(this.compiled, this.#rings.slots, frequencies, this.#position, rows);
  }

  /** To the device, directly before the submission that needs it. */
  upload(step: ChunkStep): void {
    this.#step.upload(step, this.#rings.slots);
  }

  encodeKeyTurns(pass: GPUComputePassEncoder, step: ChunkStep): void {
    pass.setPipeline(this.#context.kernels.keyTurns);
    pass.setBindGroup(0, this.#groups().keyTurns);
    pass.dispatchWorkgroups(copyCount(step));
  }

  /** Takes the layer's keys and values from `qkv`, attends, and leaves the result in `attention`. */
  encodeLayer(pass: GPUComputePassEncoder, layer: number, step: ChunkStep, rows: number): void {
    const { cacheWrite, attention } = this.#context.kernels;
    const { write, attend } = this.#groups();
    pass.setPipeline(cacheWrite);
    pass.setBindGroup(0, write[layer]);
    pass.dispatchWorkgroups(copyCount(step));
    pass.setPipeline(attention);
    pass.setBindGroup(0, attend[layer]);
    pass.dispatchWorkgroups(this.compiled.geometry.heads, rows);
  }

  commit(rows: number, reach: Cache['reach']): void {
    this.#position += rows;
    this.#reach = reach;
  }

  fork(): GpuCache {
    this.#refuseInUse();
    const rings = this.#rings.copy(this.compiled.geometry.headDim);
    const copy = new GpuCache(this.#context, this.compiled, rings);
    copy.#position = this.#position;
    copy.#reach = this.#reach;
    return copy;
  }

  release(): void {
    this.#refuseInUse();
    this.#rings.release();
    this.#step.release();
    this.#incoming = [];
  }

  snapshotBytes(): number {
    return bytesOf(this.#rings.snapshotPieces(this.#held(this.#position)));
  }

  async readSnapshot(offset: number, target: Uint8Array): Promise<void> {
    this.#refuseInUse();
    const pieces = this.#rings.snapshotPieces(this.#held(this.#position));
    const end = offset + target.length;
    if (offset < 0 || end > bytesOf(pieces))
      throw new AppError('internal', 'A snapshot was read beyond its end.');
    // the device copies whole words
    const first = Math.floor(offset / 4) * 4;
    const bytes = await this.#context.device.read(
      within(pieces, first, Math.ceil(end / 4) * 4).map((piece) => ({
        ...piece,
        buffer: this.#rings.layers[piece.layer],
      })),
    );
    target.set(bytes.subarray(offset - first, end - first));
  }

  writeSnapshot(offset: number, bytes: Uint8Array): void {
    if (this.#position !== 0 || offset !== this.#incomingBytes)
      throw new AppError('internal', 'A snapshot must be written in order, to a new cache.');
    this.#incoming.push(bytes.slice());
    this.#incomingBytes += bytes.length;
  }

  finishRestore(position: number): void {
    this.#refuseInUse();
    const held = this.#held(position);
    this.#reserve(held.map(({ first, end }) => (end > first ? end : 0)));
    const pieces = this.#rings.snapshotPieces(held);
    if (this.#incomingBytes !== bytesOf(pieces)) {
      throw new AppError(
        'corrupt',
        `The state of ${String(position)} tokens has ${String(this.#incomingBytes)} bytes instead of ` +
          `${String(bytesOf(pieces))}.`,
        'Read the text again.',
      );
    }
    const all = Buffer.concat(this.#incoming);
    this.#incoming = [];
    let at = 0;
    for (const { layer, offset, bytes } of pieces) {
      this.#context.device.gpu.queue.writeBuffer(this.#rings.layers[layer], offset, all, at, bytes);
      at += bytes;
    }
    this.#rings.writeKeyTurns(held, keyTurns(this.compiled, held, this.#context.frequencies));
    this.#position = position;
    if (position > 0) this.#reach = visibleKeys(this.compiled, position - 1, 0);
  }

  #held(position: number): readonly EntryRange[] {
    const { rings, sinkCount } = this.compiled;
    return rings.map((ring) => heldEntries(ring, sinkCount, position));
  }

  #reserve(ends: readonly number[]): void {
    const larger = this.#rings.grown(this.compiled, ends, this.#context.maxRows);
    if (larger === null) return;
    this.#rings.release();
    this.#rings = larger;
    this.#bindGroups = null;
  }

  /** Built once, and again when the rings have moved. */
  #groups(): BindGroups {
    this.#bindGroups ??= this.#createGroups();
    return this.#bindGroups;
  }

  #createGroups(): BindGroups {
    const { device, kernels, qkv, attention } = this.#context;
    const step = this.#step;
    const { layers, keyTurns: turns } = this.#rings;
    return {
      keyTurns: device.bindGroup(kernels.keyTurns, {
        0: step.keyTurnsGeometry,
        1: step.copies,
        2: step.entering,
        3: turns,
      }),
      write: layers.map((cache) =>
        device.bindGroup(kernels.cacheWrite, { 0: step.geometry, 1: step.copies, 2: qkv, 3: cache }),
      ),
      attend: layers.map((cache) =>
        device.bindGroup(kernels.attention, {
          0: step.geometry,
          1: step.rings,
          2: step.headRings,
          3: step.visible,
          4: step.queryTurns,
          5: turns,
          6: qkv,
          7: cache,
          8: attention,
        }),
      ),
    };
  }

  #refuseInUse(): void {
    if (this.#inUse)
      throw new AppError('internal', 'A cache was used while a forward pass was running on it.');
  }
}

function bytesOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The part [from, to) of the bytes that the pieces make up. */
function within(pieces: readonly Piece[], from: number, to: number): readonly Piece[] {
  let start = 0;
  return pieces.flatMap(({ layer, offset, bytes }) => {
    const first = Math.max(from, start);
    const last = Math.min(to, start + bytes);
    const piece = { layer, offset: offset + first - start, bytes: last - first };
    start += bytes;
    return last > first ? [piece] : [];
  });
}
