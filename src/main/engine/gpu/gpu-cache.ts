/** The cache of one sequence on the device: its rings, one set for each kind of layer. */
import { AppError } from '../../../shared/errors.ts';
import { visibleKeys } from '../plan/count.ts';
import type { CompiledPlan } from '../plan/types.ts';
import type { Cache } from '../runtime.ts';
import type { CacheContext } from './cache-context.ts';
import { megabytes } from './device.ts';
import type { KernelPass } from './kernel-pass.ts';
import type { LayersChunk } from './ring-layers.ts';
import { RingLayers } from './ring-layers.ts';
import type { RingMemory } from './ring-memory.ts';
import type { Stretch } from './sharding/stretch.ts';

/** What a forward pass must know about its chunk: a stretch of a round. */
export interface PreparedChunk {
  /** computed here */
  readonly rows: number;
  /** for each kind of layer */
  readonly kinds: readonly LayersChunk[];
  /** of the round's last row in the first kind's layers */
  readonly reach: Cache['reach'];
}

/** Bytes on the device. */
export interface DevicePiece {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

export class GpuCache implements Cache {
  readonly #context: CacheContext;
  readonly #kinds: readonly RingLayers[];
  /** each layer's number among those of its kind */
  readonly #layerIndexes: readonly number[];
  #position = 0;
  #reach: Cache['reach'] = { exact: 0, sparse: 0 };
  #incoming: Uint8Array[] = [];
  #incomingBytes = 0;
  #inUse = false;

  /**
   * @param plans one for each kind of layer
   * @param rings likewise; absent: none yet
   */
  constructor(context: CacheContext, plans: readonly CompiledPlan[], rings?: readonly RingMemory[]) {
    this.#context = context;
    this.#kinds = plans.map((compiled, kind) => new RingLayers(context, kind, compiled, rings?.[kind]));
    const { layerKinds } = context;
    this.#layerIndexes = layerKinds.map(
      (kind, layer) => layerKinds.slice(0, layer).filter((each) => each === kind).length,
    );
  }

  get compiled(): CompiledPlan {
    return this.#kinds[0].compiled;
  }

  get position(): number {
    return this.#position;
  }

  get reach(): Cache['reach'] {
    return this.#reach;
  }

  get bytes(): number {
    return this.#kinds.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** For an error: what it takes. */
  get need(): string {
    const { plan } = this.compiled;
    return `keys and values of ${String(this.#position)} tokens under the plan "${plan.name}" take ${megabytes(this.bytes)} MB`;
  }

  /** Lends the cache to one forward pass: between layers nothing else may change it. */
  async lend<T>(work: () => Promise<T>): Promise<T> {
    const giveBack = this.borrow();
    try {
      return await work();
    } finally {
      giveBack();
    }
  }

  /** The same for work that is no function. @returns what ends it */
  borrow(): () => void {
    this.#refuseInUse();
    this.#inUse = true;
    return () => {
      this.#inUse = false;
    };
  }

  /**
   * Makes room for a round's tokens and finds what the kernels must know about this device's stretch of them.
   * @param ahead tokens that were submitted before these and are not committed yet
   */
  prepare(stretch: Stretch, ahead = 0): PreparedChunk {
    const kinds = this.#kinds.map((kind) => kind.prepare(this.#position + ahead, stretch));
    return { rows: stretch.rows, kinds, reach: kinds[0].step.reach };
  }

  /** Where the entries of a stretch of the round that was prepared lie in a layer's rings, in their order. */
  stretchPieces(layer: number, stretch: Stretch, ahead: number): readonly DevicePiece[] {
    const kind = this.#kinds[this.#context.layerKinds[layer]];
    const buffer = kind.rings.layers[this.#layerIndexes[layer]];
    const pieces = kind.stretchPieces(this.#position + ahead, stretch);
    return pieces.map((piece) => ({ buffer, ...piece }));
  }

  /** After a failure between `prepare` and `commit`: the cache is as it was before, whatever memory ran out. */
  undo(): void {
    for (const kind of this.#kinds) kind.undo();
  }

  /** To the device, directly before the submission that needs it. */
  upload(chunk: PreparedChunk): void {
    this.#kinds.forEach((kind, index) => {
      kind.upload(chunk.kinds[index]);
    });
  }

  encodeKeyTurns(pass: KernelPass, chunk: PreparedChunk): void {
    this.#kinds.forEach((kind, index) => {
      kind.encodeKeyTurns(pass, chunk.kinds[index]);
    });
  }

  /** Takes the layer's keys and values from `qkv`. */
  encodeWrite(pass: KernelPass, layer: number, chunk: PreparedChunk): void {
    const kind = this.#context.layerKinds[layer];
    this.#kinds[kind].encodeWrite(pass, this.#layerIndexes[layer], chunk.kinds[kind]);
  }

  /** Attends with the layer's queries, and leaves the result in `attention`. */
  encodeAttention(pass: KernelPass, layer: number, chunk: PreparedChunk): void {
    const kind = this.#context.layerKinds[layer];
    this.#kinds[kind].encodeAttention(pass, this.#layerIndexes[layer], chunk.kinds[kind]);
  }

  commit(rows: number, reach: Cache['reach']): void {
    for (const kind of this.#kinds) kind.settle();
    this.#position += rows;
    this.#reach = reach;
  }

  fork(): GpuCache {
    this.#refuseInUse();
    const rings = this.#kinds.map((kind) => kind.rings.copy());
    const copy = new GpuCache(
      this.#context,
      this.#kinds.map(({ compiled }) => compiled),
      rings,
    );
    copy.#position = this.#position;
    copy.#reach = this.#reach;
    return copy;
  }

  release(): void {
    this.#refuseInUse();
    for (const kind of this.#kinds) kind.release();
    this.#incoming = [];
  }

  snapshotBytes(): number {
    return bytesOf(this.#snapshotPieces(this.#position));
  }

  async readSnapshot(offset: number, target: Uint8Array): Promise<void> {
    this.#refuseInUse();
    const pieces = this.#snapshotPieces(this.#position);
    const end = offset + target.length;
    if (offset < 0 || end > bytesOf(pieces))
      throw new AppError('internal', 'A snapshot was read beyond its end.');
    // the device copies whole words
    const first = Math.floor(offset / 4) * 4;
    const bytes = await this.#context.device.read(within(pieces, first, Math.ceil(end / 4) * 4));
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
    for (const kind of this.#kinds) kind.reserveHeld(position);
    const pieces = this.#snapshotPieces(position);
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
    for (const { buffer, offset, bytes } of pieces) {
      this.#context.device.gpu.queue.writeBuffer(buffer, offset, all, at, bytes);
      at += bytes;
    }
    this.#settle(position);
  }

  /** For benches: rings full of seeded noise as if `position` tokens had been read. */
  fillSynthetic(position: number, seed: number): void {
    this.#refuseInUse();
    this.#kinds.forEach((kind, index) => {
      kind.reserveHeld(position);
      kind.rings.writeNoise(seed + index);
    });
    this.#settle(position);
  }

  #settle(position: number): void {
    this.#position = position;
    if (position > 0) this.#reach = visibleKeys(this.compiled, position - 1, 0);
  }

  /** The bytes of a snapshot in their order: layer by layer, ring by ring, the held entries in order. */
  #snapshotPieces(position: number): readonly DevicePiece[] {
    const held = this.#kinds.map((kind) => kind.held(position));
    return this.#context.layerKinds.flatMap((kind, layer) => {
      const { rings } = this.#kinds[kind];
      const buffer = rings.layers[this.#layerIndexes[layer]];
      return rings.pieces(held[kind]).map((piece) => ({ buffer, ...piece }));
    });
  }

  #refuseInUse(): void {
    if (this.#inUse)
      throw new AppError('internal', 'A cache was used while a forward pass was running on it.');
  }
}

function bytesOf(pieces: readonly DevicePiece[]): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The part [from, to) of the bytes that the pieces make up. */
function within(pieces: readonly DevicePiece[], from: number, to: number): readonly DevicePiece[] {
  let start = 0;
  return pieces.flatMap(({ buffer, offset, bytes }) => {
    const first = Math.max(from, start);
    const last = Math.min(to, start + bytes);
    const piece = { buffer, offset: offset + first - start, bytes: last - first };
    start += bytes;
    return last > first ? [piece] : [];
  });
}
