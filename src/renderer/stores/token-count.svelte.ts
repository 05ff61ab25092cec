/** How many tokens a text is for the model that will answer: asked when typing rests. */
import { core } from './core.svelte.ts';

/** ms of rest */
const ASK_AFTER_MS = 350;

export class TokenCount {
  /** null: nothing typed, or not known yet */
  tokens = $state<number | null>(null);

  /** Made for `$effect`: returns how to forget the question. @param model null = the default one */
  ask(text: string, model: string | null): (() => void) | undefined {
    this.tokens = null;
    if (text.trim() === '' || core.status !== 'ready') return undefined;
    let wanted = true;
    const timer = setTimeout(() => {
      core.client
        .call('chat.count', { text, ...(model === null ? {} : { model }) })
        .then(({ tokens }) => wanted && (this.tokens = tokens))
        .catch(() => undefined); // a hint: without it the receipt still tells
    }, ASK_AFTER_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }
}
