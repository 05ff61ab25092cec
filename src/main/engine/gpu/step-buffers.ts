/** The device's side of `step.ts`: buffers that are written anew for each chunk, and tables of the compiled plan. */
import { AppError } from '../../../shared/errors.ts';
import type { CompiledPlan } from '../plan/types.ts';
import type { RowBlock } from './attention-blocks.ts';
import { groupHeads, partialBytesPerRow } from './attention-units.ts';
import type { CacheContext } from './cache-context.ts';
import { turnWords } from './kv-words.ts';
import type { ChunkStep, RingSlots } from './step.ts';
import { turnClasses } from './step.ts';

const wordBytes = 4;

export class StepBuffers {
  /** struct Geometry of attention.wgsl, attention-merge.wgsl and cache-write.wgsl */
  readonly geometry: GPUBuffer;
  readonly mergeGeometry: GPUBuffer;
  readonly writeGeometry: GPUBuffer;
  readonly rings: GPUBuffer;
  readonly starts: GPUBuffer;
  readonly copies: GPUBuffer;
  readonly entering: GPUBuffer;
  readonly visible: GPUBuffer;
  readonly queryTurns: GPUBuffer;
  #units: GPUBuffer;
  #headUnits: GPUBuffer;
  readonly #context: CacheContext;
  readonly #compiled: CompiledPlan;
  readonly #turnClassOfRing: readonly number[];

  constructor(context: CacheContext, compiled: CompiledPlan) {
    this.#context = context;
    this.#compiled = compiled;
    const { device, maxRows, roundRows, qkvStride, attentionStride } = context;
    const { rings } = compiled;
    const { heads, kvHeads, headDim } = compiled.geometry;
    const { ofRing, first } = turnClasses(compiled);
    this.#turnClassOfRing = ofRing;
    const copies = rings.reduce((sum, { stride }) => sum + Math.ceil(roundRows / stride) + 1, 0);

    this.geometry = device.uniform(geometryWords(context, compiled, first.length));
    this.mergeGeometry = device.uniform(Uint32Array.of(heads, groupHeads(compiled), attentionStride / 4));
    const write = Uint32Array.of(heads, kvHeads, qkvStride / 4, 0);
    new Float32Array(write.buffer)[3] = context.rmsEpsilon;
    this.writeGeometry = device.uniform(write);
    this.rings = this.#storage(rings.length * 8);
    this.starts = this.#storage(heads + 1);
    this.copies = this.#storage(copies * 4);
    this.entering = this.#storage(copies * headDim);
    this.visible = this.#storage(maxRows * rings.length * 2);
    this.queryTurns = this.#storage(maxRows * first.length * headDim);
    this.#units = this.#storage(256 * 2);
    this.#headUnits = this.#storage(1024 * 2);
  }

  get units(): GPUBuffer {
    return this.#units;
  }

  get headUnits(): GPUBuffer {
    return this.#headUnits;
  }

  get #all(): readonly GPUBuffer[] {
    const { geometry, mergeGeometry, writeGeometry, rings, starts, copies, entering } = this;
    const { visible, queryTurns, units, headUnits } = this;
    const tables = [geometry, mergeGeometry, writeGeometry, rings, starts];
    return [...tables, copies, entering, visible, queryTurns, units, headUnits];
  }

  get bytes(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0);
  }

  /** Makes room for the lists of a step. @returns whether buffers were replaced */
  reserve({ attention: { units, headUnits } }: ChunkStep): boolean {
    const fits = units.byteLength <= this.#units.size && headUnits.byteLength <= this.#headUnits.size;
    if (fits) return false;
    const larger = [this.#storage(units.length * 2), this.#storage(headUnits.length * 2)] as const;
    this.#context.device.discard(this.#units);
    this.#context.device.discard(this.#headUnits);
    [this.#units, this.#headUnits] = larger;
    return true;
  }

  /**
   * Rows whose partial sums fit their buffer at once.
   * @throws AppError 'unsupported' when not even one does: a plan that sees millions of keys
   */
  blocks(step: ChunkStep, rows: number): readonly RowBlock[] {
    const { size } = this.#context.partials;
    const perRow = partialBytesPerRow(this.#compiled, step.attention.units.length / 2);
    const most = Math.floor(size / perRow);
    if (most === 0) {
      const needed = Math.ceil(perRow / 1e6);
      throw new AppError(
        'unsupported',
        `Attention of one token under the plan "${this.#compiled.plan.name}" needs ${String(needed)} MB on the ` +
          `graphics card at once; there are ${String(Math.floor(size / 1e6))} MB.`,
        'Use a bounded attention plan, or --backend cpu.',
      );
    }
    return Array.from({ length: Math.ceil(rows / most) }, (_, i) => ({
      firstRow: i * most,
      rows: Math.min(most, rows - i * most),
    }));
  }

  upload(step: ChunkStep, slots: RingSlots): void {
    const { queue } = this.#context.device.gpu;
    queue.writeBuffer(this.rings, 0, this.#ringWords(slots));
    queue.writeBuffer(this.copies, 0, step.copies);
    queue.writeBuffer(this.entering, 0, turnWords(step.entering, this.#context.kvBits));
    queue.writeBuffer(this.visible, 0, step.visible);
    queue.writeBuffer(this.queryTurns, 0, step.queryTurns);
    queue.writeBuffer(this.units, 0, step.attention.units);
    queue.writeBuffer(this.starts, 0, step.attention.starts);
    queue.writeBuffer(this.headUnits, 0, step.attention.headUnits);
  }

  release(): void {
    for (const buffer of this.#all) this.#context.device.discard(buffer);
  }

  #storage(words: number): GPUBuffer {
    return this.#context.device.storage(words * wordBytes, 'The plan of a chunk');
  }

  /** struct Ring of attention.wgsl */
  #ringWords({ bases, capacities }: RingSlots): Uint32Array<ArrayBuffer> {
    return Uint32Array.from(
      this.#compiled.rings.flatMap(({ firstHead, headCount }, i) => [
        ...[bases[i], capacities[i], this.#turnClassOfRing[i], firstHead, headCount],
        ...[0, 0, 0],
      ]),
    );
  }
}

function geometryWords(
  { qkvStride, softCap }: CacheContext,
  compiled: CompiledPlan,
  classes: number,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(6);
  words.set([qkvStride / 4, compiled.rings.length, classes, groupHeads(compiled)]);
  const inner = softCap === null ? Math.LOG2E : 1 / softCap;
  const scale = inner / Math.sqrt(compiled.geometry.headDim);
  new Float32Array(words.buffer).set([scale, (softCap ?? 0) * Math.LOG2E], 4);
  return words;
}
