/** What the app says of a model file: what it is, whether it can be used, what it needs. */
import { stat } from 'node:fs/promises';
import { fromWire, toWire } from '../../shared/errors.ts';
import type { ModelSummary } from '../../shared/rpc/index.ts';
import { geometryOf, planOfModel, preset, readHyperparameters } from '../engine/index.ts';
import { openGguf } from '../formats/index.ts';
import type { GgufFile } from '../formats/index.ts';
import { createChatTemplate, createTokenizer } from '../tokenizer/index.ts';
import { bytesPerToken } from './engines.ts';
import { keysHeld } from './library-reading.ts';
import type { InstalledModel } from './models.ts';
import { createPromptWriter } from './prompt.ts';

type Details = NonNullable<ModelSummary['details']>;

/** What opening the file has shown; it changes with the file only. */
interface Examined {
  readonly details: Details | null;
  readonly problem: ModelSummary['problem'];
  readonly memoryMB: number;
}

const MB = 2 ** 20;
/**
 * Measured with the default model on the CPU engine (590 MB with 8,192 tokens read, 180 of them keys and values): the
 * runtime takes about 300 MB, weights a quarter more than in the file.
 */
const RUNTIME_MB = 300;
const WEIGHTS_FACTOR = 1.25;

export class ModelSummaries {
  readonly #examined = new Map<string, Promise<Examined>>();

  /**
   * @param freeMB memory that the machine has for a model
   * @param isDefault answers where nothing else is chosen
   */
  async of(model: InstalledModel, freeMB: number, isDefault: boolean): Promise<ModelSummary> {
    const { id, path, bytes, known } = model;
    const { details, problem, memoryMB } = await this.#examine(path);
    const gate = known?.farReading;
    return {
      id,
      name: known?.name ?? id,
      path,
      bytes,
      isDefault,
      licence: known?.licence ?? null,
      details,
      problem,
      fit: details === null ? null : { memoryMB, fits: memoryMB <= freeMB },
      farReading:
        gate === undefined
          ? null
          : {
              passed: gate.passed,
              difference: gate.difference,
              interval95: gate.interval95,
              facts: gate.facts,
            },
    };
  }

  /** @throws AppError what is wrong with the file, where it can't be used */
  async assertUsable(path: string): Promise<void> {
    const { problem } = await this.#examine(path);
    if (problem !== null) throw fromWire(problem);
  }

  /** once for each size and time of change: a vocabulary of 100,000 words takes a while */
  async #examine(path: string): Promise<Examined> {
    const info = await stat(path).catch(() => null);
    const key = `${path} ${String(info?.size)} ${String(info?.mtimeMs)}`;
    const known = this.#examined.get(key);
    if (known !== undefined) return known;
    const examined = examine(path);
    this.#examined.set(key, examined);
    return examined;
  }
}

async function examine(path: string): Promise<Examined> {
  try {
    const file = await openGguf(path);
    try {
      return await describe(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    return { details: null, problem: toWire(error), memoryMB: 0 };
  }
}

/** @throws AppError what an engine would throw that is started with this file */
async function describe(file: GgufFile): Promise<Examined> {
  const hyperparameters = await readHyperparameters(file);
  createPromptWriter(createTokenizer(file.metadata), createChatTemplate(file.metadata));
  const geometry = geometryOf(hyperparameters);
  const plan = planOfModel(file) ?? preset('window', geometry);
  const stateBytes = keysHeld(plan, hyperparameters.trainedLength) * bytesPerToken(hyperparameters);
  const { parameters, quantisation } = weightsOf(file);
  return {
    details: {
      architecture: hyperparameters.architecture,
      parameters,
      quantisation,
      trainedLength: hyperparameters.trainedLength,
    },
    problem: null,
    memoryMB: Math.ceil((file.bytes * WEIGHTS_FACTOR + stateBytes) / MB + RUNTIME_MB),
  };
}

/** Number of weights, and the type that most of them have. */
function weightsOf(file: GgufFile): Pick<Details, 'parameters' | 'quantisation'> {
  const byType = new Map<string, number>();
  let parameters = 0;
  for (const { shape, typeName } of file.tensors.values()) {
    const count = shape.reduce((product, side) => product * side, 1);
    parameters += count;
    byType.set(typeName, (byType.get(typeName) ?? 0) + count);
  }
  const [most] = [...byType].sort((a, b) => b[1] - a[1]);
  return { parameters, quantisation: most?.[0] ?? '' };
}
