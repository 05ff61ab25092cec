/** The models in the data folder, and what is being done with them. */
import type { WireError } from '../../shared/errors.ts';
import { toWire } from '../../shared/errors.ts';
import type { ModelEvent, ModelSummary, ModelVerifyEvent, PartialModel } from '../../shared/rpc/index.ts';
import manifest from '../../../resources/models.json';
import { core } from './core.svelte.ts';
import { ui } from './ui.svelte.ts';

export interface ModelWork {
  readonly kind: 'import' | 'download' | 'verify';
  /** file name, id, or address */
  readonly name: string;
  /** bytes; total 0 = not known yet */
  readonly done: number;
  readonly total: number;
}

/** A file that can't be used, or did not come, and why. */
interface Refusal {
  readonly kind: ModelWork['kind'];
  readonly name: string;
  readonly error: WireError;
}

interface Verified {
  readonly id: string;
  readonly sha256: string;
  readonly comparedWith: 'manifest' | 'record' | null;
}

type KnownModel = Pick<
  (typeof manifest.models)[number],
  'id' | 'name' | 'bytes' | 'licence' | 'trainedLength'
>;

class Models {
  list = $state.raw<readonly ModelSummary[]>([]);
  /** downloads that were interrupted, and can go on */
  partial = $state.raw<readonly PartialModel[]>([]);
  loaded = $state(false);
  work = $state.raw<ModelWork | null>(null);
  refused = $state.raw<Refusal | null>(null);
  /** the model that was checked last, and found without a fault */
  verified = $state.raw<Verified | null>(null);
  /** this machine is being measured */
  measuring = $state(false);
  #cancel = new AbortController();

  constructor() {
    core.whenReady(() => void this.load());
    core.listen((event) => {
      if (event.kind === 'models' || event.kind === 'settings') void this.load();
    });
  }

  /** The one that answers where a conversation has not chosen another. */
  get chosen(): ModelSummary | undefined {
    return this.list.find((model) => model.isDefault);
  }

  /** Models that the app knows and can fetch, which are not here yet. */
  get available(): readonly KnownModel[] {
    if (!this.loaded) return [];
    return manifest.models.filter(({ id }) => !this.list.some((model) => model.id === id));
  }

  byId(id: string): ModelSummary | undefined {
    return this.list.find((model) => model.id === id);
  }

  async load(): Promise<void> {
    await ui.attempt(async () => {
      [this.list, this.partial] = await Promise.all([
        core.client.call('models.list', {}),
        core.client.call('models.partial', {}),
      ]);
    });
    this.loaded = true;
  }

  /**
   * @param file absolute path of a GGUF
   * @param as a copy in the data folder, or a link to where it lies
   */
  async import(file: string, as: 'copy' | 'link' = 'copy'): Promise<void> {
    const name = file.split(/[\\/]/).at(-1) ?? file;
    await this.#do({ kind: 'import', name, done: 0, total: 0 }, (signal) =>
      core.client.stream('models.import', { file, as }, signal),
    );
  }

  /** Goes to the network. @param sha256 hexadecimal digits, or '' where it is not known */
  async fetch(url: string, sha256: string): Promise<void> {
    const name = url.split('/').at(-1) ?? url;
    await this.#do({ kind: 'download', name, done: 0, total: 0 }, (signal) =>
      core.client.stream('models.fetch', { url, ...(sha256 === '' ? {} : { sha256 }) }, signal),
    );
  }

  /** Every number and the hash once more. */
  async verify({ id, name }: ModelSummary): Promise<void> {
    this.verified = null;
    const last = await this.#do({ kind: 'verify', name, done: 0, total: 0 }, (signal) =>
      core.client.stream('models.verify', { id }, signal),
    );
    if (last?.kind === 'done') this.verified = { id, sha256: last.sha256, comparedWith: last.comparedWith };
  }

  /** A few seconds with the model that answers; the speed of the others is estimated from it. */
  async measure(): Promise<void> {
    if (this.measuring) return;
    this.measuring = true;
    await ui.attempt(async () => {
      this.list = await core.client.call('models.measure', {});
    });
    this.measuring = false;
  }

  /** Goes to the network. @param id of resources/models.json */
  async download(id: string): Promise<void> {
    await this.#do({ kind: 'download', name: id, done: 0, total: 0 }, (signal) =>
      core.client.stream('models.download', { id }, signal),
    );
  }

  /** Goes to the network: from where it stopped. */
  async resume({ id, url, sha256 }: PartialModel): Promise<void> {
    await (id === null ? this.fetch(url, sha256 ?? '') : this.download(id));
  }

  /** What has come of an interrupted download goes. */
  async discard({ file }: PartialModel): Promise<void> {
    await ui.attempt(() => core.client.call('models.discard', { file }));
    await this.load();
  }

  cancel(): void {
    this.#cancel.abort();
  }

  async choose(model: ModelSummary): Promise<void> {
    await ui.attempt(() => core.change({ 'models.default': model.id }));
    await this.load();
  }

  async remove(model: ModelSummary): Promise<void> {
    await ui.attempt(() => core.client.call('models.remove', { id: model.id }));
    await this.load();
  }

  /** @returns the last event; null: it was refused or cancelled */
  async #do<Event extends ModelEvent | ModelVerifyEvent>(
    work: ModelWork,
    start: (signal: AbortSignal) => AsyncIterable<Event>,
  ): Promise<Event | null> {
    if (this.work !== null) return null;
    this.#cancel = new AbortController();
    this.refused = null;
    this.work = work;
    let last: Event | null = null;
    try {
      for await (const event of start(this.#cancel.signal)) {
        last = event;
        if (event.kind === 'progress') this.work = { ...work, done: event.done, total: event.total };
      }
    } catch (error) {
      last = null;
      const known = toWire(error);
      if (known.code !== 'interrupted') this.refused = { kind: work.kind, name: work.name, error: known };
    }
    this.work = null;
    await this.load();
    return last;
  }
}

export const models = new Models();
