/**
 * Models and their engines. A model's tokenizer and template are read from the file in the core; its engine, a process
 * of its own, starts when it is first needed, and again after it was lost.
 */
import { stat } from 'node:fs/promises';
import { AppError } from '../../shared/errors.ts';
import type { AttentionPlan, Engine, PlanGeometry, StartEngineOptions } from '../engine/index.ts';
import {
  compilePlan,
  geometryOf,
  loadPlan,
  parsePlan,
  planOfModel,
  preset,
  readHyperparameters,
} from '../engine/index.ts';
import { openModel, sha256File } from '../formats/index.ts';
import type { Store } from '../store/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { createChatTemplate, createTokenizer } from '../tokenizer/index.ts';
import { measuredFarReading, type FarReading } from './far-reading.ts';
import { bytesPerToken } from './model-fit.ts';
import { hashOfModel } from './model-hash.ts';
import type { InstalledModel } from './models.ts';
import { resolveModel } from './models.ts';
import type { PromptWriter } from './prompt.ts';
import { createPromptWriter } from './prompt.ts';

/** What a caller may ask for; absent = the owner's default. */
export interface EngineChoice {
  /** id of an installed model, or absolute path of a GGUF */
  readonly model?: string | undefined;
  /** absolute path of a LoRA adapter for that model */
  readonly adapter?: string | undefined;
  /** name of a preset, path of a JSON file, or a plan */
  readonly plan?: string | Readonly<Record<string, unknown>> | undefined;
  readonly backend?: 'auto' | 'cpu' | 'webgpu' | 'reference' | undefined;
  /** part of the name of a graphics adapter */
  readonly device?: string | undefined;
}

/** What an engine computes on. */
interface Computing {
  readonly backend: StartEngineOptions['backend'];
  readonly device: string | undefined;
}

/** A model that is ready to tokenise; `engine()` starts its process. */
export interface LoadedModel {
  readonly installed: InstalledModel;
  readonly tokenizer: Tokenizer;
  readonly writer: PromptWriter;
  readonly geometry: PlanGeometry;
  /** the plan that the file itself asks for (trained with it), or null */
  readonly ownPlan: AttentionPlan | null;
  /** the far-reading gate: measured here, else what the manifest says; null = never measured */
  readonly farReading: FarReading | null;
  /** as it was asked for */
  readonly backend: StartEngineOptions['backend'];
  /** bytes of keys and values of one token in all layers, 16 bit */
  readonly bytesPerToken: number;
  /** starts at the first call; the same engine until it is lost */
  engine(): Promise<Engine>;
}

export type StartEngine = (options: StartEngineOptions) => Promise<Engine>;

export interface EnginesConfig {
  readonly dataFolder: string;
  readonly startEngine: StartEngine;
  /** used where a call chooses nothing */
  readonly defaults: EngineChoice;
  /** asked at each start of an engine */
  readonly limits: () => Pick<StartEngineOptions, 'maxMemoryMB' | 'maxDiskGB'>;
  /** the model where neither a call nor `defaults` names one: the user's setting */
  readonly preferredModel?: (() => string | undefined) | undefined;
  /** what computes where neither a call nor `defaults` says: the user's setting */
  readonly preferredBackend?: (() => 'auto' | 'cpu' | 'webgpu') | undefined;
  /** remembers the hash of a model file that no manifest knows */
  readonly hashes: Pick<Store, 'setting' | 'setSetting'>;
  readonly onNote?: ((note: string) => void) | undefined;
}

/** The models of one data folder; each is read once, and has one engine per backend. */
export class Engines {
  readonly #config: EnginesConfig;
  readonly #models = new Map<string, Promise<LoadedModel>>();
  readonly #running = new Map<string, Promise<Engine>>();

  constructor(config: EnginesConfig) {
    this.#config = config;
  }

  /** @throws AppError 'model-missing', 'not-found', 'unsupported' (backend, architecture), 'invalid-input' (file) */
  async load(choice: EngineChoice): Promise<LoadedModel> {
    const { defaults, dataFolder, preferredModel, preferredBackend } = this.#config;
    const backend = choice.backend ?? defaults.backend ?? preferredBackend?.() ?? 'auto';
    const device = choice.device ?? defaults.device;
    const named = choice.model ?? defaults.model ?? preferredModel?.();
    const installed = await resolveModel(dataFolder, named, choice.adapter ?? defaults.adapter);
    const key = `${backend}:${device ?? ''}:${installed.adapter ?? ''}:${installed.path}`;
    let loading = this.#models.get(key);
    if (loading === undefined) {
      loading = this.#read(installed, { backend, device }, key);
      this.#models.set(key, loading);
      loading.catch(() => this.#models.delete(key));
    }
    return loading;
  }

  /** The plan of a call: as asked for, else the model's own, else the given preset. */
  plan(model: LoadedModel, choice: EngineChoice, otherwise: 'window' | 'adapted'): AttentionPlan {
    const asked = choice.plan ?? this.#config.defaults.plan;
    if (asked === undefined) return model.ownPlan ?? preset(otherwise, model.geometry);
    if (typeof asked === 'string') return loadPlan(asked, model.geometry);
    const plan = parsePlan(asked, 'the plan');
    compilePlan(plan, model.geometry);
    return plan;
  }

  /** whether the call or the settings name a plan */
  asksForPlan(choice: EngineChoice): boolean {
    return (choice.plan ?? this.#config.defaults.plan) !== undefined;
  }

  /** engines that are running now */
  async running(): Promise<readonly Engine[]> {
    const settled = await Promise.allSettled(this.#running.values());
    return settled.filter((one) => one.status === 'fulfilled').map((one) => one.value);
  }

  /** of the engines of a model file that run now */
  async residentBytes(modelPath: string): Promise<number> {
    let bytes = 0;
    for (const [key, starting] of this.#running) {
      if (!key.endsWith(`:${modelPath}`)) continue;
      // one that starts or ends just now holds nothing worth counting
      const memory = await starting.then((engine) => engine.memory()).catch(() => null);
      bytes += memory?.resident ?? 0;
    }
    return bytes;
  }

  /** Ends the engines of a model file, and forgets what was read of it: the file goes, or becomes another one. */
  async forget(modelPath: string): Promise<void> {
    for (const key of [...this.#models.keys(), ...this.#running.keys()]) {
      if (!key.endsWith(`:${modelPath}`)) continue;
      this.#models.delete(key);
      const engine = await this.#running.get(key)?.catch(() => null);
      this.#running.delete(key);
      await engine?.close();
    }
  }

  async close(): Promise<void> {
    for (const engine of await this.running()) await engine.close();
    this.#running.clear();
  }

  async #read(installed: InstalledModel, where: Computing, key: string): Promise<LoadedModel> {
    const file = await openModel(installed.path, installed.adapter);
    try {
      const hyperparameters = await readHyperparameters(file);
      const tokenizer = createTokenizer(file.metadata);
      const hash = await this.#hash(installed);
      const measured = await measuredFarReading(this.#config.dataFolder, hash);
      return {
        installed,
        tokenizer,
        writer: createPromptWriter(tokenizer, createChatTemplate(file.metadata)),
        geometry: geometryOf(hyperparameters),
        ownPlan: planOfModel(file),
        farReading: measured ?? installed.known?.farReading ?? null,
        backend: where.backend,
        bytesPerToken: bytesPerToken(hyperparameters),
        engine: () => this.#engine(installed, where, key),
      };
    } finally {
      await file.close();
    }
  }

  #engine(installed: InstalledModel, where: Computing, key: string): Promise<Engine> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const forget = (): void => void this.#running.delete(key);
    const starting = this.#start(installed, where, forget);
    this.#running.set(key, starting);
    starting.catch(forget);
    return starting;
  }

  async #start(
    installed: InstalledModel,
    { backend, device }: Computing,
    onExit: () => void,
  ): Promise<Engine> {
    const { dataFolder, limits, onNote, startEngine } = this.#config;
    const options: StartEngineOptions = {
      ...limits(),
      modelPath: installed.path,
      ...(installed.adapter === undefined ? {} : { adapterPath: installed.adapter }),
      modelHash: await this.#hash(installed),
      backend,
      ...(device === undefined ? {} : { device }),
      dataFolder,
      onExit,
      ...(onNote === undefined ? {} : { onNote }),
    };
    try {
      return await startEngine(options);
    } catch (error) {
      if (backend !== 'auto' || !(error instanceof AppError) || error.code !== 'engine-lost') throw error;
      // a graphics driver can take the process with it, before it could say so
      const autoReason = `the engine ended when it tried the graphics card: ${error.message}`;
      return startEngine({ ...options, backend: 'cpu', autoReason });
    }
  }

  /**
   * SHA-256 of the file: of a known model from the manifest, else computed once per size and time of change. What a link
   * points to is nobody's to vouch for.
   */
  async #hash(installed: InstalledModel): Promise<string> {
    if (installed.adapter !== undefined) return hashOfModel(installed);
    if (installed.known !== null && installed.link === null) return installed.known.sha256;
    const { size, mtimeMs } = await stat(installed.path);
    const key = `model.hash.${installed.path}`;
    const stamp = `${String(size)} ${String(mtimeMs)} `;
    const remembered = await this.#config.hashes.setting(key);
    if (remembered?.startsWith(stamp) === true) return remembered.slice(stamp.length);
    const hash = await sha256File(installed.path);
    await this.#config.hashes.setSetting(key, stamp + hash);
    return hash;
  }
}
