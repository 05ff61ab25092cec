/**
 * The layers of one kind on the device: their rings, what they are told about a chunk, and the kernels of a layer that
 * work on them.
 */
import { heldEntries } from '../plan/visibility.ts';
import type { EntryRange } from '../plan/visibility.ts';
import type { CompiledPlan } from '../plan/types.ts';
import type { RowBlock } from './attention-blocks.ts';
import { groupHeads, unitEntries } from './attention-units.ts';
import type { CacheContext, KindContext } from './cache-context.ts';
import type { KernelPass, KernelWork } from './kernel-pass.ts';
import { attentionTile, FEW_ROWS } from './kernels/index.ts';
import type { Piece } from './ring-memory.ts';
import { RingMemory } from './ring-memory.ts';
import { stretchEntries, type Stretch } from './sharding/stretch.ts';
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

/** What the layers of a kind must know about a chunk. */
export interface LayersChunk {
  readonly step: ChunkStep;
  /** computed here */
  readonly rows: number;
  readonly blocks: readonly RowBlock[];
}

export class RingLayers {
  readonly compiled: CompiledPlan;
  readonly #context: CacheContext;
  readonly #kind: KindContext;
  readonly #headGains: readonly (GPUBuffer | null)[];
  readonly #step: StepBuffers;
  #rings: RingMemory;
  /** what they were before a growth that has not been seen to succeed */
  #before: RingMemory | null = null;
  #bindGroups: BindGroups | null = null;

  /** @param rings absent: none yet */
  constructor(context: CacheContext, kind: number, compiled: CompiledPlan, rings?: RingMemory) {
    this.compiled = compiled;
    this.#context = context;
    this.#kind = context.kinds[kind];
    this.#headGains = context.headGains.filter((_, layer) => context.layerKinds[layer] === kind);
    this.#step = new StepBuffers(context, compiled);
    const none = compiled.rings.map(() => 0);
    const kv = { headDim: compiled.geometry.headDim, bits: context.kvBits };
    this.#rings = rings ?? new RingMemory(context.device, kv, this.#headGains.length, none);
  }

  get bytes(): number {
    return this.#rings.bytes + this.#step.bytes;
  }

  get rings(): RingMemory {
    return this.#rings;
  }

  /** What was prepared has run: rings that were too small are freed. */
  settle(): void {
    this.#before?.release();
    this.#before = null;
  }

  /** What was prepared has failed, perhaps for want of memory: back to the rings before it. */
  undo(): void {
    if (this.#before === null) return;
    this.#rings.release();
    this.#rings = this.#before;
    this.#before = null;
    this.#bindGroups = null;
  }

  /** Makes room for a round's tokens at `position` and finds what the kernels must know about the stretch. */
  prepare(position: number, stretch: Stretch): LayersChunk {
    const { rows, total } = stretch;
    this.#reserve(requiredEnds(this.compiled, position, total));
    const tables = { turns: this.#kind.turnTables, queryScales: this.#context.queryScales };
    const step = prepareStep(this.compiled, this.#rings.slots, tables, position, stretch);
    if (this.#step.reserve(step)) this.#bindGroups = null;
    return { step, rows, blocks: this.#step.blocks(step, rows) };
  }

  /** To the device, directly before the submission that needs it. */
  upload({ step, blocks }: LayersChunk): void {
    this.#step.upload(step, this.#rings.slots);
    this.#kind.blocks.upload(blocks);
  }

  encodeKeyTurns(pass: KernelPass, { step }: LayersChunk): void {
    pass.setPipeline(this.#context.kernels.keyTurns);
    pass.setBindGroup(0, this.#groups().keyTurns);
    pass.dispatchWorkgroups(copyCount(step));
  }

  /**
   * Takes the layer's keys and values from `qkv`.
   * @param layer among those of this kind
   */
  encodeWrite(pass: KernelPass, layer: number, { step, rows }: LayersChunk): void {
    pass.setPipeline(this.#context.kernels.cacheWrite);
    pass.setBindGroup(0, this.#groups().write[layer]);
    const normed = this.#headGains[layer] === null ? 0 : rows * this.compiled.geometry.heads;
    pass.dispatchWorkgroups(step.writes + normed);
  }

  /**
   * Attends, and leaves the result in `attention`.
   * @param layer among those of this kind
   */
  encodeAttention(pass: KernelPass, layer: number, { step, rows, blocks }: LayersChunk): void {
    const { kernels } = this.#context;
    const groups = this.#groups();
    const units = step.attention.units.length / 2;
    const kind = rows <= FEW_ROWS || kernels.prefill === null ? 'decode' : 'prefill';
    for (const [index, block] of blocks.entries()) {
      const ofBlock = this.#kind.blocks.bindings(index);
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

  /** Where the entries of a stretch of the round at `position` lie in a layer of this kind, in their order. */
  stretchPieces(position: number, stretch: Stretch): readonly Piece[] {
    return this.#rings.pieces(stretchEntries(this.compiled, position, stretch));
  }

  /** Entries of each ring that a state of `position` tokens holds. */
  held(position: number): readonly EntryRange[] {
    const { rings, sinkCount } = this.compiled;
    return rings.map((ring) => heldEntries(ring, sinkCount, position));
  }

  /** Room for the entries of a state of `position` tokens, and the rotations of its keys. */
  reserveHeld(position: number): void {
    const held = this.held(position);
    this.#reserve(held.map(({ first, end }) => (end > first ? end : 0)));
    this.settle();
    this.#rings.writeKeyTurns(held, keyTurns(this.compiled, [held], this.#kind.turnTables));
  }

  release(): void {
    this.settle();
    this.#rings.release();
    this.#step.release();
  }

  /** Keys that rows see, each once; and the bytes of the units' keys, values and rotations. */
  #attentionWork({ visible, attention }: ChunkStep, rows: number, blockRows: number): KernelWork {
    const { rings, geometry } = this.compiled;
    let seen = 0;
    for (let at = 0; at < visible.length; at += 2)
      seen += (visible[at + 1] - visible[at]) * rings[(at / 2) % rings.length].headCount;
    const keys = (attention.units.length / 2) * unitEntries;
    return {
      flops: (4 * geometry.headDim * seen * blockRows) / rows,
      bytes: keys * this.#rings.bytesPerKeyRead,
    };
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

  #reserve(ends: readonly number[]): void {
    const larger = this.#rings.grown(this.compiled, ends, this.#context.roundRows);
    if (larger === null) return;
    if (this.#before === null) this.#before = this.#rings;
    else this.#rings.release();
    this.#rings = larger;
    this.#bindGroups = null;
  }

  /** Built once, and again when the rings have moved. */
  #groups(): BindGroups {
    this.#bindGroups ??= this.#createGroups();
    return this.#bindGroups;
  }

  #createGroups(): BindGroups {
    const { device, kernels, qkv, attention, partials, step: rowsStep } = this.#context;
    const step = this.#step;
    const { layers, keyTurns: turns } = this.#rings;
    const attend = (pipeline: GPUComputePipeline): readonly GPUBindGroup[] =>
      layers.map((cache) =>
        device.bindGroup(pipeline, {
          ...{ 0: step.geometry, 1: step.rings, 2: step.units, 3: step.visible, 4: step.queryTurns },
          ...{ 5: turns, 6: qkv, 7: cache, 8: partials },
        }),
      );
    const heads = (layer: number): Record<number, GPUBuffer> => {
      const gain = this.#headGains[layer];
      return gain === null ? {} : { 4: rowsStep, 5: gain };
    };
    return {
      keyTurns: device.bindGroup(kernels.keyTurns, { 0: step.copies, 1: step.entering, 2: turns }),
      write: layers.map((cache, layer) =>
        device.bindGroup(kernels.cacheWrite, {
          ...{ 0: step.writeGeometry, 1: step.copies, 2: qkv, 3: cache },
          ...heads(layer),
        }),
      ),
      decode: attend(kernels.decode),
      prefill: kernels.prefill && attend(kernels.prefill),
      merge: device.bindGroup(kernels.merge, {
        ...{ 0: step.mergeGeometry, 1: step.starts, 2: step.headUnits, 3: partials, 4: attention },
      }),
    };
  }
}
