/**
 * The reference's cache: for every layer the plan's rings, filled as the specification says. New keys enter the
 * rings that take new tokens; a band takes its keys from the ring before it when they reach its distance.
 */
import { AppError } from '../../../shared/errors.ts';
import { visibleKeys } from '../plan/count.ts';
import type { CompiledPlan } from '../plan/types.ts';
import { enteringEntries, heldEntries, keyOf, ringCapacity } from '../plan/visibility.ts';
import type { Cache } from '../runtime.ts';
import type { Reach } from './ring-attention.ts';
import { RingStore } from './ring-store.ts';
import type { SnapshotRegion } from './snapshot-regions.ts';
import { forEachPiece, snapshotLength } from './snapshot-regions.ts';

interface CachedLayer {
  /** of the layer's kind */
  readonly compiled: CompiledPlan;
  /** one for each ring of `compiled` */
  readonly stores: readonly RingStore[];
}

export class ReferenceCache implements Cache {
  /** the first kind's */
  readonly compiled: CompiledPlan;
  readonly #maxRows: number;
  readonly #layerPlans: readonly CompiledPlan[];
  #layers: readonly CachedLayer[];
  #position = 0;
  #reach: Reach = { exact: 0, sparse: 0 };
  /** snapshot bytes that came in before finishRestore, in order */
  #incoming: Uint8Array[] = [];
  #incomingBytes = 0;

  /**
   * @param compiled the first kind's plan
   * @param layerPlans the plan of each layer, compiled for its kind
   */
  constructor(compiled: CompiledPlan, layerPlans: readonly CompiledPlan[], maxRows: number) {
    this.compiled = compiled;
    this.#maxRows = maxRows;
    this.#layerPlans = layerPlans;
    const { headDim } = compiled.geometry;
    this.#layers = layerPlans.map((plan) => ({
      compiled: plan,
      stores: plan.rings.map((ring) => new RingStore(headDim, ringCapacity(ring, maxRows))),
    }));
  }

  get position(): number {
    return this.#position;
  }

  get reach(): Reach {
    return this.#reach;
  }

  get bytes(): number {
    return this.#layers.flatMap(({ stores }) => stores).reduce((sum, store) => sum + store.bytes, 0);
  }

  /** The stores of one layer, one for each ring of its compiled plan. */
  stores(layer: number): readonly RingStore[] {
    return this.#layers[layer].stores;
  }

  /**
   * Takes the keys and values of `rows` new tokens into one layer's rings. Until `commit` this can be repeated: the
   * same entries are written to the same slots, and slots that the present position needs are not touched.
   * @param k f32 [rows][kvHeads * headDim], unrotated
   * @param v f32 [rows][kvHeads * headDim]
   */
  take(layer: number, rows: number, k: Float32Array, v: Float32Array): void {
    const { compiled, stores } = this.#layers[layer];
    const { rings, geometry, sinkCount } = compiled;
    const { kvHeads, headDim } = geometry;
    for (const [i, ring] of rings.entries()) {
      const { first, end } = enteringEntries(ring, sinkCount, this.#position, rows);
      const store = stores[i];
      store.reserve(end);
      for (let entry = first; entry < end; entry++) {
        const key = keyOf(ring, entry);
        if (ring.source < 0) {
          store.write(entry, k, v, ((key - this.#position) * kvHeads + ring.kvHead) * headDim);
        } else {
          const source = rings[ring.source];
          const from = stores[ring.source];
          const slot = from.slot((key - source.residue) / source.stride);
          store.write(entry, from.keys, from.values, slot * headDim);
        }
      }
    }
  }

  commit(rows: number, reach: Reach): void {
    this.#position += rows;
    this.#reach = reach;
  }

  fork(): ReferenceCache {
    const copy = new ReferenceCache(this.compiled, this.#layerPlans, this.#maxRows);
    copy.#layers = this.#layers.map(({ compiled, stores }) => ({
      compiled,
      stores: stores.map((store) => store.copy()),
    }));
    copy.#position = this.#position;
    copy.#reach = this.#reach;
    return copy;
  }

  release(): void {
    this.#layers = [];
    this.#incoming = [];
  }

  snapshotBytes(): number {
    return snapshotLength(this.#regions(this.#position));
  }

  readSnapshot(offset: number, target: Uint8Array): void {
    if (offset < 0 || offset + target.length > this.snapshotBytes()) {
      throw new AppError('internal', 'A snapshot was read beyond its end.');
    }
    forEachPiece(this.#regions(this.#position), offset, target.length, (piece, at) => {
      target.set(piece, at);
    });
  }

  writeSnapshot(offset: number, bytes: Uint8Array): void {
    if (this.#position !== 0 || offset !== this.#incomingBytes) {
      throw new AppError('internal', 'A snapshot must be written in order, to a new cache.');
    }
    this.#incoming.push(bytes.slice());
    this.#incomingBytes += bytes.length;
  }

  finishRestore(position: number): void {
    const regions = this.#regions(position);
    const expected = snapshotLength(regions);
    if (this.#incomingBytes !== expected) {
      throw new AppError(
        'corrupt',
        `The state of ${String(position)} tokens has ${String(this.#incomingBytes)} bytes instead of ` +
          `${String(expected)}.`,
        'Read the text again.',
      );
    }
    for (const { store, held } of regions) store.reserve(held.end);
    let offset = 0;
    for (const bytes of this.#incoming) {
      forEachPiece(regions, offset, bytes.length, (piece, at) => {
        piece.set(bytes.subarray(at, at + piece.length));
      });
      offset += bytes.length;
    }
    this.#incoming = [];
    this.#position = position;
    if (position > 0) this.#reach = visibleKeys(this.compiled, position - 1, 0);
  }

  /** What a snapshot of `position` tokens consists of, in its order: layer by layer, ring by ring. */
  #regions(position: number): readonly SnapshotRegion[] {
    return this.#layers.flatMap(({ compiled: { rings, sinkCount }, stores }) =>
      stores.map((store, i) => ({ store, held: heldEntries(rings[i], sinkCount, position) })),
    );
  }
}
