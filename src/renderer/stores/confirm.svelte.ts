/** Questions before something that can't be taken back: `if (await confirmed({…})) …`. One at a time. */
export interface Question {
  readonly title: string;
  /** what will happen, what is kept */
  readonly text: string;
  /** of the button, as what happens: "Delete for good" */
  readonly action: string;
  readonly danger?: boolean;
}

class Confirmation {
  question = $state.raw<Question | null>(null);
  #answer: ((yes: boolean) => void) | null = null;

  ask(question: Question): Promise<boolean> {
    this.answer(false);
    this.question = question;
    return new Promise((resolve) => (this.#answer = resolve));
  }

  answer(yes: boolean): void {
    this.question = null;
    this.#answer?.(yes);
    this.#answer = null;
  }
}

export const confirmation = new Confirmation();

/** False also when the user turned away. */
export function confirmed(question: Question): Promise<boolean> {
  return confirmation.ask(question);
}
