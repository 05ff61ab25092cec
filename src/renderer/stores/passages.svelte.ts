/** Which passage is open in the Context panel, and which one is pointed at. */
import type { Citation, Message, MessageId } from '../../shared/model/index.ts';
import { chat } from './chat.svelte.ts';
import { ui } from './ui.svelte.ts';

interface Place {
  readonly answerId: MessageId;
  /** from 0, in the answer's citations */
  readonly index: number;
}

class Passages {
  opened = $state.raw<Place | null>(null);
  /** pointed at: lights its tick on the map */
  pointed = $state.raw<Place | null>(null);
  /** the answer whose receipt was asked for; null: the last one */
  #answerId = $state.raw<MessageId | null>(null);

  /** the answer that the panel speaks of */
  readonly answer = $derived(this.#shown());

  get citations(): readonly Citation[] {
    return this.answer?.citations ?? [];
  }

  /** index of the open passage in `citations`; the first where none was chosen */
  get index(): number {
    return this.opened !== null && this.opened.answerId === this.answer?.id ? this.opened.index : 0;
  }

  open(answerId: MessageId, index: number): void {
    this.#answerId = answerId;
    this.opened = { answerId, index };
    ui.context = true;
  }

  showReceipt(answerId: MessageId): void {
    this.#answerId = answerId;
    ui.context = true;
  }

  /** @param step -1 = the passage before */
  step(step: 1 | -1): void {
    const { answer, citations, index } = this;
    const next = index + step;
    if (answer !== null && next >= 0 && next < citations.length) this.open(answer.id, next);
  }

  isOpen(answerId: MessageId, index: number): boolean {
    return this.opened?.answerId === answerId && this.opened.index === index;
  }

  clear(): void {
    this.#answerId = null;
    this.opened = null;
    this.pointed = null;
  }

  #shown(): Message | null {
    const answers = chat.branch.filter(({ role }) => role === 'assistant');
    return (
      answers.find(({ id }) => id === this.#answerId) ??
      answers.findLast(({ receipt }) => receipt !== undefined) ??
      null
    );
  }
}

export const passages = new Passages();
