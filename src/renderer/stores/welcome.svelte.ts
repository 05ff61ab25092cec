/** The first run: a model, something to read, a question. What was added last is the library that is asked. */
import type { SampleBook } from '../../shared/rpc/index.ts';
import { chat } from './chat.svelte.ts';
import { core } from './core.svelte.ts';
import { jobs } from './jobs.svelte.ts';
import { libraries } from './libraries.svelte.ts';
import { ui } from './ui.svelte.ts';

class Welcome {
  sample = $state.raw<SampleBook | null>(null);

  /** The library that the question goes to: the one that was added last. */
  get library(): string | null {
    return [...jobs.all.keys()].at(-1) ?? libraries.list.at(-1)?.library.name ?? null;
  }

  async load(): Promise<void> {
    await ui.attempt(async () => {
      this.sample = await core.client.call('app.sample', {});
    });
  }

  async addSample(): Promise<void> {
    const { sample } = this;
    if (sample === null) return;
    await ui.attempt(() => jobs.start({ kind: 'add', name: sample.name, paths: [sample.path] }));
  }

  /** The first run is over, for good. */
  async leave(): Promise<void> {
    ui.show({ kind: 'chat', id: null });
    await ui.attempt(() => core.change({ 'app.welcomed': true }));
  }

  /** @param question without white space around it, not empty */
  async ask(question: string): Promise<void> {
    const { library } = this;
    await this.leave();
    await chat.open(null);
    chat.library = library;
    await chat.ask({ question });
  }
}

export const welcome = new Welcome();
