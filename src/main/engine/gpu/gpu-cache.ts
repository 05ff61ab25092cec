/** The cache of one sequence on the device: its rings, and the two kernels of a layer that work on them. */
import { AppError } from '../../../shared/errors.ts';
import { visibleKeys } from '../plan/count.ts';
import type { CompiledPlan } from '../plan/types.ts';
import { heldEntries } from '../plan/visibility.ts';
import type { EntryRange } from '../plan/visibility.ts';
import type { Cache } from '../runtime.ts';
import type { RowBlock } from './attention-blocks.ts';
import { groupHeads, unitEntries } from './attention-units.ts';
import type { CacheContext } from './cache-context.ts';
import { attentionTile, FEW_ROWS } from './kernels/index.ts';
import { megabytes } from './device.ts';
import type { KernelPass, KernelWork } from './kernel-pass.ts';
import type { Piece } from './ring-memory.ts';
import { RingMemory } from './ring-memory.ts';
import { StepBuffers } from './step-buffers.ts';
import type { ChunkStep } from './step.ts';
import { copyCount, keyTurns, prepareStep, requiredEnds } from './step.ts';

interface BindGroups {
  readonly keyTurns: GPUBindGroup;
  /** one for each layer */
  readonly write: readonly GPUBindGroup[];
  readonly decode: readonly GPUBindGroup[];
  readonly prefill: readonly GPUBindGroup[] | null;
  /** the same for all layers */
  readonly merge: GPUBindGroup;
}

/** What a forward pass must know about its chunk. */
export interface PreparedChunk {
  readonly step: ChunkStep;
  readonly rows: number;
  readonly blocks: readonly RowBlock[];
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
    const kv = { headDim: compiled.geometry.headDim, bits: context.kvBits };
    this.#rings = rings ?? new RingMemory(context.device, kv, context.layers, none);
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

  /** For an error: what it takes. */
  get need(): string {
    const { plan } = this.compiled;
    return `keys and values of ${String(this.#position)} tokens under the plan "${plan.name}" take ${megabytes(this.bytes)} MB`;
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

  /**
   * Makes room for `rows` tokens and finds what the kernels must know about them.
   * @param ahead tokens that were submitted before these and are not committed yet
   */
  prepare(rows: number, ahead = 0): PreparedChunk {
    const position = this.#position + ahead;
    this.#reserve(requiredEnds(this.compiled, position, rows));
    const step = prepareStep(this.compiled, this.#rings.slots, this.#context.turnTables, position, rows);
    if (this.#step.reserve(step)) this.#bindGroups = null;
    return { step, rows, blocks: this.#step.blocks(step, rows) };
  }

  /** To the device, directly before the submission that needs it. */
  upload({ step, blocks }: PreparedChunk): void {
    this.#step.upload(step, this.#rings.slots);
    this.#context.blocks.upload(blocks);
  }

  encodeKeyTurns(pass: KernelPass, { step }: PreparedChunk): void {
    pass.setPipeline(this.#context.kernels.keyTurns);
    pass.setBindGroup(0, this.#groups().keyTurns);
    pass.dispatchWorkgroups(copyCount(step));
  }

  /** Takes the layer's keys and values from `qkv`, attends, and leaves the result in `attention`. */
  encodeLayer(pass: KernelPass, layer: number, { step, rows, blocks }: PreparedChunk): void {
    const { kernels, blocks: bindings } = this.#context;
    const groups = this.#groups();
    const units = step.attention.units.length / 2;
    const kind = rows <= FEW_ROWS || kernels.prefill === null ? 'decode' : 'prefill';
    pass.setPipeline(kernels.cacheWrite);
    pass.setBindGroup(0, groups.write[layer]);
    pass.dispatchWorkgroups(copyCount(step));
    for (const [index, block] of blocks.entries()) {
      const ofBlock = bindings.bindings(index);
      pass.setPipeline(kernels[kind] ?? kernels.decode);
      pass.setBindGroup(0, groups[kind]?.[layer] ?? null);
      pass.setBindGroup(1, ofBlock[kind]);
      pass.note?.(() => this.#attentionWork(step, rows, block.rows));
      pass.dispatchWorkgroups(units, ...this.#attentionGroups(block.rows, kind));
      pass.setPipeline(kernels.merge);
      pass.setBindGroup(0, groups.merge);
      pass.setBindGroup(1, ofBlock.merge);
      pass.dispatchWorkgroups(this.#mergeGroups, block.rows);
    }
  }

  /** Keys that rows see, each once; and the bytes of the units' keys, values and rotations. */
  #attentionWork({ visible, attention }: ChunkStep, rows: number, blockRows: number): KernelWork {
    const { rings, geometry } = this.compiled;
    let seen = 0;
    for (let at = 0; at < visible.length; at += 2)
      seen += (visible[at + 1] - visible[at]) * rings[(at / 2) % rings.length].headCount;
    const bytesPerKey = (3 * geometry.headDim * this.#context.kvBits) / 8;
    const keys = (attention.units.length / 2) * unitEntries;
    return { flops: (4 * geometry.headDim * seen * blockRows) / rows, bytes: keys * bytesPerKey };
  }

  /** Workgroups for each unit. */
  #attentionGroups(rows: number, kind: 'decode' | 'prefill'): [number, number] {
    const heads = groupHeads(this.compiled);
    if (kind === 'decode') return [rows, Math.ceil(heads / attentionTile.heads)];
    return [Math.ceil((rows * heads) / attentionTile.queries), 1];
  }

  /** LANES of attention-merge.wgsl */
  get #mergeGroups(): number {
    const { heads, headDim } = this.compiled.geometry;
    const lanes = headDim <= 64 ? 16 : headDim <= 128 ? 32 : 64;
    return Math.ceil(heads / (64 / lanes));
  }

  commit(rows: number, reach: Cache['reach']): void {
    this.#position += rows;
    this.#reach = reach;
  }

  fork(): GpuCache {
    this.#refuseInUse();
    const rings = this.#rings.copy();
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
    this.#rings.writeKeyTurns(held, keyTurns(this.compiled, held, this.#context.turnTables));
    this.#position = position;
    if (position > 0) this.#reach = visibleKeys(this.compiled, position - 1, 0);
  }

  /** For benches: rings full of seeded noise as if `position` tokens had been read. */
  fillSynthetic(position: number, seed: number): void {
    this.#refuseInUse();
    const held = this.#held(position);
    this.#reserve(held.map(({ first, end }) => (end > first ? end : 0)));
    this.#rings.writeNoise(seed);
    this.#rings.writeKeyTurns(held, keyTurns(this.compiled, held, this.#context.turnTables));
    this.#position = position;
    this.#reach = visibleKeys(this.compiled, position - 1, 0);
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
    const { device, kernels, qkv, attention, partials } = this.#context;
    const step = this.#step;
    const { layers, keyTurns: turns } = this.#rings;
    const attend = (pipeline: GPUComputePipeline): readonly GPUBindGroup[] =>
      layers.map((cache) =>
        device.bindGroup(pipeline, {
          ...{ 0: step.geometry, 1: step.rings, 2: step.units, 3: step.visible, 4: step.queryTurns },
          ...{ 5: turns, 6: qkv, 7: cache, 8: partials },
        }),
      );
    return {
      keyTurns: device.bindGroup(kernels.keyTurns, { 0: step.copies, 1: step.entering, 2: turns }),
      write: layers.map((cache) =>
        device.bindGroup(kernels.cacheWrite, { 0: step.writeGeometry, 1: step.copies, 2: qkv, 3: cache }),
      ),
      decode: attend(kernels.decode),
      prefill: kernels.prefill && attend(kernels.prefill),
      merge: device.bindGroup(kernels.merge, {
        ...{ 0: step.mergeGeometry, 1: step.starts, 2: step.headUnits, 3: partials, 4: attention },
      }),
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
