/** Where the documents of a version lie in its state, without their token ids: preamble and headers count there too. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Library, VersionId } from '../../shared/model/index.ts';
import type { Store } from '../store/index.ts';
import { documentHeader, libraryPrefix } from './context.ts';
import type { LoadedModel } from './engines.ts';
import { contentsOf } from './library-context.ts';

interface Place {
  /** content and header: equal ones give equal ids */
  readonly key: string;
  /** first token of the text in the state */
  readonly position: number;
  readonly tokens: number;
  /** tokens of all texts before it */
  readonly before: number;
}

/** versions whose layout is kept */
const KEPT = 4;
/** headers that are tokenised between two turns of the event loop */
const AT_ONCE = 500;

export class PrefixLayout {
  readonly #places: readonly Place[];

  constructor(places: readonly Place[]) {
    this.#places = places;
  }

  /** tokens of documents within the first `position` tokens of the state */
  documentTokens(position: number): number {
    const place = this.#places.findLast((one) => one.position < position);
    return place === undefined ? 0 : place.before + Math.min(place.tokens, position - place.position);
  }

  /** first position of a state at which these two differ */
  commonPositions(other: PrefixLayout): number {
    let end = 0;
    for (const [i, place] of this.#places.entries()) {
      if (other.#places[i]?.key !== place.key) return end;
      end = place.position + place.tokens;
    }
    return end;
  }
}

export class PrefixLayouts {
  readonly #store: Pick<Store, 'versionFiles'>;
  readonly #kept = new Map<string, Promise<PrefixLayout>>();

  constructor(store: Pick<Store, 'versionFiles'>) {
    this.#store = store;
  }

  /** of a version with a tokenizer; neither changes */
  of(library: Library, version: VersionId, model: LoadedModel): Promise<PrefixLayout> {
    const key = `${version} ${model.tokenizer.fingerprint}`;
    const layout = this.#kept.get(key) ?? this.#measure(library, version, model);
    this.#kept.delete(key);
    this.#kept.set(key, layout);
    layout.catch(() => this.#kept.delete(key));
    for (const old of [...this.#kept.keys()].slice(0, -KEPT)) this.#kept.delete(old);
    return layout;
  }

  async #measure(library: Library, version: VersionId, { writer }: LoadedModel): Promise<PrefixLayout> {
    const { documents } = contentsOf(library, await this.#store.versionFiles(version));
    const places: Place[] = [];
    let before = 0;
    let position = 0;
    for (const [i, { hash, readAs, tokens }] of documents.entries()) {
      if (i % AT_ONCE === AT_ONCE - 1) await turn();
      const header = writer.text(documentHeader(readAs)).length;
      if (i === 0) {
        // one token stands for the text: what comes before it is preamble, template and header
        const { spans } = libraryPrefix(writer, [{ key: hash, readAs, ids: Int32Array.of(0) }]);
        position = spans.findLast((span) => span.kind === 'document')?.start ?? 0;
      } else position += writer.joint.length + header;
      places.push({ key: `${hash} ${readAs}`, position, tokens, before });
      position += tokens;
      before += tokens;
    }
    return new PrefixLayout(places);
  }
}
