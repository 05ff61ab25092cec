/**
 * The native caches of a model whose layers are of several kinds (all tokens, or a sliding window): one for each kind,
 * with the layers of that kind. Its snapshot is the length of each part, 8 bytes each, and the parts one after another.
 */
import { AppError } from '../../../shared/errors.ts';
import type { NativeCache } from './native-contract.ts';

const LENGTH_BYTES = 8;

export class LayeredCache implements NativeCache {
  readonly #kinds: readonly NativeCache[];
  /** of each layer */
  readonly #layerKinds: readonly number[];
  /** a layer's number among those of its kind */
  readonly #layerIndexes: readonly number[];
  /** the lengths of the parts of a snapshot that comes in */
  #incoming = new Uint8Array(0);

  /** @param kinds the first counts the reach */
  constructor(kinds: readonly NativeCache[], layerKinds: readonly number[]) {
    this.#kinds = kinds;
    this.#layerKinds = layerKinds;
    this.#layerIndexes = layerKinds.map(
      (kind, layer) => layerKinds.slice(0, layer).filter((each) => each === kind).length,
    );
  }

  get position(): number {
    return this.#kinds[0].position;
  }

  get bytes(): number {
    return this.#kinds.reduce((sum, kind) => sum + kind.bytes, 0);
  }

  begin(rows: number): void {
    for (const kind of this.#kinds) kind.begin(rows);
  }

  attend(layer: number, qkv: Float32Array, out: Float32Array): void {
    this.#kinds[this.#layerKinds[layer]].attend(this.#layerIndexes[layer], qkv, out);
  }

  commit(rows?: number): void {
    for (const kind of this.#kinds) kind.commit(rows);
  }

  reach(): { exact: number; sparse: number } {
    return this.#kinds[0].reach();
  }

  fork(): NativeCache {
    return new LayeredCache(
      this.#kinds.map((kind) => kind.fork()),
      this.#layerKinds,
    );
  }

  snapshotBytes(): number {
    return this.#lengths().reduce((sum, length) => sum + length, this.#headerBytes());
  }

  readSnapshot(offset: number, target: Uint8Array): void {
    const lengths = this.#lengths();
    const header = new Uint8Array(this.#headerBytes());
    const view = new DataView(header.buffer);
    lengths.forEach((length, kind) => {
      view.setBigUint64(kind * LENGTH_BYTES, BigInt(length), true);
    });
    const end = offset + target.length;
    if (offset < header.length) target.set(header.subarray(offset, Math.min(end, header.length)));
    forEachPart(lengths, header.length, offset, end, (kind, from, to, at) => {
      this.#kinds[kind].readSnapshot(from, target.subarray(at, at + to - from));
    });
  }

  writeSnapshot(offset: number, bytes: Uint8Array): void {
    const header = this.#headerBytes();
    if (offset < header) {
      if (offset !== this.#incoming.length) throw new Error('A snapshot must be written in order.');
      const part = bytes.subarray(0, header - offset);
      const longer = new Uint8Array(this.#incoming.length + part.length);
      longer.set(this.#incoming);
      longer.set(part, this.#incoming.length);
      this.#incoming = longer;
    }
    if (this.#incoming.length < header) return;
    const view = new DataView(this.#incoming.buffer);
    const lengths = this.#kinds.map((_, kind) => Number(view.getBigUint64(kind * LENGTH_BYTES, true)));
    const end = offset + bytes.length;
    if (end > lengths.reduce((sum, length) => sum + length, header)) throw tooLong();
    forEachPart(lengths, header, offset, end, (kind, from, to, at) => {
      this.#kinds[kind].writeSnapshot(from, bytes.subarray(at, at + to - from));
    });
  }

  finishRestore(position: number): void {
    for (const kind of this.#kinds) kind.finishRestore(position);
  }

  fillSynthetic(position: number, seed: number): void {
    this.#kinds.forEach((kind, index) => {
      kind.fillSynthetic(position, seed + index);
    });
  }

  release(): void {
    for (const kind of this.#kinds) kind.release();
  }

  #headerBytes(): number {
    return this.#kinds.length * LENGTH_BYTES;
  }

  #lengths(): readonly number[] {
    return this.#kinds.map((kind) => kind.snapshotBytes());
  }
}

function tooLong(): AppError {
  return new AppError('corrupt', 'The state is longer than it says.', 'Read the text again.');
}

/** Calls `use` with what of [offset, end) lies in each part: bytes [from, to) of it, which start at `at` of the span. */
function forEachPart(
  lengths: readonly number[],
  header: number,
  offset: number,
  end: number,
  use: (kind: number, from: number, to: number, at: number) => void,
): void {
  let start = header;
  lengths.forEach((length, kind) => {
    const from = Math.max(offset, start);
    const to = Math.min(end, start + length);
    if (from < to) use(kind, from - start, to - start, from - offset);
    start += length;
  });
}
