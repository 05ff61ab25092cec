/** What is on the screen: the view, the open dialog, notes and toasts. Nothing here is kept by the core. */
import type { AppError } from '../../shared/errors.ts';
import type { ConversationId, MessageId } from '../../shared/model/index.ts';
import { asAppError } from './core.svelte.ts';

export type View =
  | { readonly kind: 'welcome' }
  /** `id` null: a new chat; `message`: scroll there */
  | { readonly kind: 'chat'; readonly id: ConversationId | null; readonly message?: MessageId }
  /** `path`, `start`, `end`: a document open at a marked stretch (UTF-16 code units) */
  | {
      readonly kind: 'library';
      readonly name: string;
      readonly path?: string;
      readonly start?: number;
      readonly end?: number;
    }
  | { readonly kind: 'models' }
  | { readonly kind: 'trash' };

export type DialogName =
  | { readonly kind: 'settings'; readonly page?: string }
  /** no ids: all conversations */
  | { readonly kind: 'export'; readonly ids?: readonly ConversationId[] }
  | { readonly kind: 'import'; readonly file?: string }
  | { readonly kind: 'add'; readonly paths: readonly string[]; readonly library?: string }
  /** whether a library is read into a state, with what that is worth */
  | { readonly kind: 'reading'; readonly library: string }
  | { readonly kind: 'shortcuts' };

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly undo: (() => void) | null;
}

class Ui {
  view = $state.raw<View>({ kind: 'chat', id: null });
  dialog = $state.raw<DialogName | null>(null);
  sidebar = $state(true);
  context = $state(true);
  toasts = $state.raw<readonly Toast[]>([]);
  /** what went wrong last, until the user has seen it */
  error = $state.raw<AppError | null>(null);
  /** said to screen readers, politely */
  announcement = $state('');
  #nextToast = 1;

  show(view: View): void {
    this.view = view;
  }

  open(dialog: DialogName): void {
    this.dialog = dialog;
  }

  closeDialog(): void {
    this.dialog = null;
  }

  toast(text: string, undo: (() => void) | null = null): void {
    this.toasts = [...this.toasts.slice(-2), { id: this.#nextToast++, text, undo }];
  }

  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  announce(text: string): void {
    this.announcement = text;
  }

  /** Runs work that the user asked for; what fails is shown, never swallowed. */
  async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const known = asAppError(error);
      if (known.code !== 'interrupted') this.error = known;
    }
  }
}

export const ui = new Ui();
