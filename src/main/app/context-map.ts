/**
 * The context map of a library: its documents in reading order, what of it a state holds, and the stretches of
 * distances that the attention plan sees. Everything in tokens of the documents; no engine is needed for it.
 */
import { AppError } from '../../shared/errors.ts';
import type { Library, VersionId } from '../../shared/model/index.ts';
import type { Args, ContextMap, MapDocument } from '../../shared/rpc/index.ts';
import { compilePlan, planRegions } from '../engine/index.ts';
import type { AttentionPlan } from '../engine/index.ts';
import type { OutlineUnit, Store } from '../store/index.ts';
import type { Engines, LoadedModel } from './engines.ts';
import { changedFrom } from './library-changes.ts';
import { readingPlan, wantsReading } from './library-reading.ts';
import type { Reading } from './library-settings.ts';
import { readingOf } from './library-settings.ts';
import { requireLibrary } from './library-summaries.ts';
import { PrefixLayouts } from './prefix-layout.ts';

/** more documents are drawn as their folders */
const MOST_UNITS = 400;

export class ContextMaps {
  readonly #store: Store;
  readonly #engines: Engines;
  readonly #layouts: PrefixLayouts;

  constructor(store: Store, engines: Engines) {
    this.#store = store;
    this.#engines = engines;
    this.#layouts = new PrefixLayouts(store);
  }

  /** @throws AppError 'not-found' (library), 'invalid-input' (a stretch without length), 'model-missing' */
  async map(request: Args<'library.map'>): Promise<ContextMap> {
    const library = await requireLibrary(this.#store, request.name);
    const { from = 0, to = Infinity } = request;
    if (from >= to) throw new AppError('invalid-input', 'The stretch of the map has no length.');
    const reading = await readingOf(this.#store, library.id);
    const wanted = request.model ?? reading?.model;
    // The model that read it may be gone: the map is drawn for the one that answers now.
    const model = await this.#engines
      .load({ ...request, model: wanted })
      .catch((error: unknown) =>
        request.model === undefined ? this.#engines.load({}) : Promise.reject(error),
      );
    const plan = this.#plan(library, model, request, reading);
    const { versionId } = library;
    const { tokens } = versionId === null ? { tokens: 0 } : await this.#store.versionTotals(versionId);
    const state = await this.#state(library, model, reading, tokens);
    const units =
      versionId === null
        ? []
        : await this.#store.versionUnits(versionId, { from, to: Math.min(to, tokens + 1) }, MOST_UNITS);
    const compiled = compilePlan(plan, model.geometry);
    return {
      library: library.name,
      tokens,
      ...state,
      changedFrom: await changedFrom(this.#store, library),
      documents: units.map((unit) => mapDocument(unit, state.read)),
      plan: {
        name: plan.name,
        alignment: plan.alignment,
        sinks: compiled.sinkCount,
        regions: planRegions(compiled, tokens),
      },
    };
  }

  /** The plan that it is or will be read with; of a library that is indexed only, that of a conversation. */
  #plan(
    library: Library,
    model: LoadedModel,
    choice: Args<'library.map'>,
    reading: Reading | null,
  ): AttentionPlan {
    const isRead = reading !== null || wantsReading(model, library.read);
    return isRead
      ? readingPlan(this.#engines, model, choice, reading)
      : this.#engines.plan(model, choice, 'window');
  }

  /** Positions of a state count preamble and headers too; here they are those of the documents' tokens. */
  async #state(
    library: Library,
    model: LoadedModel,
    reading: Reading | null,
    tokens: number,
  ): Promise<Pick<ContextMap, 'read' | 'checkpoints'>> {
    const { versionId } = library;
    if (reading === null || versionId === null || reading.model !== model.installed.id) return NOT_READ;
    const layout = await this.#layouts.of(library, versionId, model);
    const checkpoints = reading.checkpoints.map((position) => layout.documentTokens(position));
    if (reading.versionId === versionId) return { read: tokens, checkpoints };
    const kept =
      reading.of === versionId ? Infinity : await this.#unchanged(library, versionId, reading, model);
    const position = Math.min(reading.position, kept);
    const read = layout.documentTokens(position);
    return { read, checkpoints: checkpoints.filter((checkpoint) => checkpoint <= read) };
  }

  /** up to where the text that was read is that of the version of now; a version that is gone: nothing is known */
  async #unchanged(
    library: Library,
    version: VersionId,
    reading: Reading,
    model: LoadedModel,
  ): Promise<number> {
    if (reading.of === null) return 0;
    const [layout, before] = await Promise.all([
      this.#layouts.of(library, version, model),
      this.#layouts.of(library, reading.of as VersionId, model),
    ]);
    return layout.commonPositions(before);
  }
}

const NOT_READ = { read: 0, checkpoints: [] };

function mapDocument({ path, start, tokens, failed, partly }: OutlineUnit, read: number): MapDocument {
  return { path, start, tokens, state: failed ? 'failed' : stateOf(start, start + tokens, partly, read) };
}

function stateOf(start: number, end: number, partly: boolean, read: number): MapDocument['state'] {
  if (end <= read) return partly ? 'partly' : 'read';
  return start < read ? 'partly' : 'unread';
}
