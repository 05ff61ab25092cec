/** One export on its way: what is chosen, how it looks, and saving it. Made by the dialog, gone with it. */
import type { ConversationId } from '../../shared/model/index.ts';
import type { ConversationSummary, ExportedFile } from '../../shared/rpc/index.ts';
import { saveFile } from '../lib/files.ts';
import { m } from '../paraglide/messages.js';
import { core } from './core.svelte.ts';
import { ui } from './ui.svelte.ts';

export const formats = ['md', 'html', 'pdf', 'json'] as const;
type ExportFormat = (typeof formats)[number];

export class Exporting {
  format = $state<ExportFormat>('md');
  #redact = $state<boolean | null>(null);
  /** all that can be chosen from, newest first */
  list = $state.raw<readonly ConversationSummary[]>([]);
  loaded = $state(false);
  left = $state.raw<ReadonlySet<ConversationId>>(new Set());
  preview = $state.raw<ExportedFile | null>(null);
  /** the preview is of another format, or without the redaction that was just asked for: another one is on its way */
  stale = $state(false);
  working = $state(false);
  readonly #ids: readonly ConversationId[] | undefined;

  /** @param ids absent: all conversations */
  constructor(ids: readonly ConversationId[] | undefined) {
    this.#ids = ids;
  }

  /** Until the user says otherwise: what is made to be shown to others leaves out paths, what imports back is whole. */
  get redact(): boolean {
    const shown = this.format === 'html' || this.format === 'pdf';
    return this.#redact ?? (shown && core.settings['export.redact']);
  }

  set redact(value: boolean) {
    this.#redact = value;
  }

  get chosen(): readonly ConversationSummary[] {
    return this.list.filter(({ conversation }) => !this.left.has(conversation.id));
  }

  /** The one conversation that the dialog was opened for. */
  get single(): ConversationSummary | null {
    return this.#ids?.length === 1 ? (this.list[0] ?? null) : null;
  }

  get canSave(): boolean {
    return !this.working && this.chosen.length > 0;
  }

  get canCopy(): boolean {
    return this.chosen.length === 1 && this.format !== 'pdf' && this.preview !== null && !this.stale;
  }

  /** As far as it is known before the file is made. */
  get fileName(): string {
    const { preview, chosen, format } = this;
    if (chosen.length > 1) {
      const count = m.export_chosen({ count: chosen.length });
      return format === 'json' ? `${count}, JSON` : `${count}, ZIP`;
    }
    return preview === null ? '' : preview.fileName.replace(/\.[a-z]+$/, `.${format}`);
  }

  async load(): Promise<void> {
    await ui.attempt(async () => {
      const all = await core.client.call('conversations.list', { limit: 10_000 });
      const wanted = this.#ids;
      this.list = wanted ? all.filter(({ conversation }) => wanted.includes(conversation.id)) : all;
      this.loaded = true;
    });
  }

  choose(id: ConversationId, chosen: boolean): void {
    const left = new Set(this.left);
    if (chosen) left.delete(id);
    else left.add(id);
    this.left = left;
  }

  chooseAll(chosen: boolean): void {
    this.left = new Set(chosen ? [] : this.list.map(({ conversation }) => conversation.id));
  }

  /** In an effect: makes the preview anew when what it depends on changes. Of a PDF it is the text. */
  followPreview(): () => void {
    const first = this.chosen[0];
    const wanted = { format: this.format === 'pdf' ? ('md' as const) : this.format, redact: this.redact };
    const gone = new AbortController();
    this.stale = true;
    if (first === undefined) this.preview = null;
    else void this.#show({ ids: [first.conversation.id], ...wanted }, gone.signal);
    return () => gone.abort();
  }

  async #show(
    args: { ids: readonly ConversationId[]; format: 'md' | 'html' | 'json'; redact: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    await ui.attempt(async () => {
      const file = await core.client.call('conversations.export', { ...args, ids: [...args.ids] }, signal);
      if (signal.aborted) return;
      this.preview = file;
      this.stale = false;
    });
  }

  /** True: it was saved. */
  async save(): Promise<boolean> {
    this.working = true;
    let saved = false;
    await ui.attempt(async () => {
      const ids = this.chosen.map(({ conversation }) => conversation.id);
      const { format, redact } = this;
      const file = await core.client.call('conversations.export', { ids, format, redact });
      saved = await saveFile(file);
      if (saved) ui.toast(m.export_done({ file: file.fileName }));
    });
    this.working = false;
    return saved;
  }

  async copy(): Promise<void> {
    const { preview } = this;
    if (preview === null || !this.canCopy) return;
    await ui.attempt(async () => {
      await navigator.clipboard.writeText(preview.content);
      ui.toast(m.copied());
    });
  }
}
