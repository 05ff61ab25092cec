/**
 * Starts the engine of a question while the store is still being opened: loading the model is most of the time from
 * a command's start to its first token, and needs nothing of the store.
 */
import type { Engine, StartEngineOptions } from '../engine/index.ts';
import type { EngineChoice, EnginesConfig, StartEngine } from './engines.ts';
import { resolveModel } from './models.ts';

export type EarlyEngineConfig = Pick<EnginesConfig, 'dataFolder' | 'startEngine' | 'limits' | 'onNote'>;

export class EarlyEngine {
  readonly #startEngine: StartEngine;
  readonly #wanted: Promise<{ key: string; engine: Promise<Engine> } | null>;
  #onExit: StartEngineOptions['onExit'];
  #taken = false;
  #closed: Promise<void> | undefined;

  constructor(config: EarlyEngineConfig, choice: EngineChoice) {
    this.#startEngine = config.startEngine;
    this.#wanted = this.#begin(config, choice).catch(() => null); // the call that needs it reports what is wrong
  }

  /** Serves the first request for the very engine that was started early; others start one of their own. */
  readonly start: StartEngine = async (options) => {
    const early = this.#taken ? null : await this.#wanted;
    if (early?.key !== keyOf(options)) return this.#startEngine(options);
    this.#taken = true;
    this.#onExit = options.onExit;
    return early.engine;
  };

  /** Ends an engine that nobody asked for; from now on nobody gets it. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    if (this.#taken) return;
    this.#taken = true;
    const early = await this.#wanted;
    await early?.engine.then((engine) => engine.close()).catch(() => undefined);
  }

  async #begin(
    config: EarlyEngineConfig,
    choice: EngineChoice,
  ): Promise<{ key: string; engine: Promise<Engine> } | null> {
    const { dataFolder, limits, onNote, startEngine } = config;
    const installed = await resolveModel(dataFolder, choice.model);
    // the hash of any other is remembered by the store
    if (installed.known === null || installed.link !== null || choice.adapter !== undefined) return null;
    const options: StartEngineOptions = {
      ...limits(),
      modelPath: installed.path,
      modelHash: installed.known.sha256,
      backend: choice.backend ?? 'auto',
      ...(choice.device === undefined ? {} : { device: choice.device }),
      dataFolder,
      onExit: (error) => this.#onExit?.(error),
      ...(onNote === undefined ? {} : { onNote }),
    };
    const engine = startEngine(options);
    engine.catch(() => undefined); // reported to whoever takes it
    return { key: keyOf(options), engine };
  }
}

function keyOf({ modelPath, modelHash, backend, device = '' }: StartEngineOptions): string {
  return JSON.stringify([modelPath, modelHash, backend, device]);
}
