/** The device's side of `step.ts`: buffers that are written anew for each chunk, and tables of the compiled plan. */
import type { CompiledPlan } from '../plan/types.ts';
import type { CacheContext } from './cache-context.ts';
import type { ChunkStep, RingSlots } from './step.ts';
import { turnClasses } from './step.ts';

const wordBytes = 4;

export class StepBuffers {
  /** struct Geometry of attention.wgsl, whose beginning is that of cache-write.wgsl */
  readonly geometry: GPUBuffer;
  readonly keyTurnsGeometry: GPUBuffer;
  readonly rings: GPUBuffer;
  readonly headRings: GPUBuffer;
  readonly copies: GPUBuffer;
  readonly entering: GPUBuffer;
  readonly visible: GPUBuffer;
  readonly queryTurns: GPUBuffer;
  readonly #context: CacheContext;
  readonly #compiled: CompiledPlan;
  readonly #turnClassOfRing: readonly number[];

  constructor(context: CacheContext, compiled: CompiledPlan) {
    this.#context = context;
    this.#compiled = compiled;
    const { device, maxRows, frequencies } = context;
    const { rings } = compiled;
    const { ofRing, first } = turnClasses(compiled);
    this.#turnClassOfRing = ofRing;
    const pairs = frequencies.length;
    const copies = rings.reduce((sum, { stride }) => sum + Math.ceil(maxRows / stride) + 1, 0);
    const storage = (words: number): GPUBuffer => device.storage(words * wordBytes, 'The plan of a chunk');

    this.geometry = device.uniform(geometryWords(context, compiled, first.length));
    this.keyTurnsGeometry = device.uniform(Uint32Array.of(pairs));
    this.headRings = device.constant(headRingWords(compiled), 'The rings of the heads');
    this.rings = storage(rings.length * 4);
    this.copies = storage(copies * 4);
    this.entering = storage(copies * pairs * 2);
    this.visible = storage(maxRows * rings.length * 2);
    this.queryTurns = storage(maxRows * first.length * pairs * 2);
  }

  get #all(): readonly GPUBuffer[] {
    const { geometry, keyTurnsGeometry, rings, headRings, copies, entering, visible, queryTurns } = this;
    return [geometry, keyTurnsGeometry, rings, headRings, copies, entering, visible, queryTurns];
  }

  get bytes(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0);
  }

  upload(step: ChunkStep, slots: RingSlots): void {
    const { queue } = this.#context.device.gpu;
    queue.writeBuffer(this.rings, 0, this.#ringWords(slots));
    queue.writeBuffer(this.copies, 0, step.copies);
    queue.writeBuffer(this.entering, 0, step.entering);
    queue.writeBuffer(this.visible, 0, step.visible);
    queue.writeBuffer(this.queryTurns, 0, step.queryTurns);
  }

  release(): void {
    for (const buffer of this.#all) buffer.destroy();
  }

  /** struct Ring of attention.wgsl */
  #ringWords({ bases, capacities }: RingSlots): Uint32Array<ArrayBuffer> {
    return Uint32Array.from(
      this.#compiled.rings.flatMap(({ stride }, i) => [
        bases[i],
        capacities[i],
        this.#turnClassOfRing[i],
        stride,
      ]),
    );
  }
}

function geometryWords(
  { qkvStride, attentionStride }: CacheContext,
  { geometry, rings }: CompiledPlan,
  classes: number,
): Uint32Array<ArrayBuffer> {
  const { heads, kvHeads, headDim } = geometry;
  const words = new Uint32Array(8);
  words.set([heads, kvHeads, headDim, qkvStride, attentionStride, rings.length, classes]);
  new Float32Array(words.buffer)[7] = 1 / Math.sqrt(headDim);
  return words;
}

/** For each head where its list begins, then the lists: rings in the plan's order, which is the order of the sums. */
function headRingWords({ geometry, rings }: CompiledPlan): Uint32Array<ArrayBuffer> {
  const starts: number[] = [0];
  const list: number[] = [];
  for (let head = 0; head < geometry.heads; head++) {
    for (const [i, { firstHead, headCount }] of rings.entries()) {
      if (head >= firstHead && head < firstHead + headCount) list.push(i);
    }
    starts.push(list.length);
  }
  return Uint32Array.from([...starts, ...list]);
}
