/** What the app says of a model file: what it is, whether it can be used, what it needs. */
import { stat } from 'node:fs/promises';
import { fromWire, toWire } from '../../shared/errors.ts';
import type { ModelSummary } from '../../shared/rpc/index.ts';
import { packedWeightBytes, readHyperparameters } from '../engine/index.ts';
import { openGguf } from '../formats/index.ts';
import type { GgufFile } from '../formats/index.ts';
import { createChatTemplate, createTokenizer } from '../tokenizer/index.ts';
import type { MachineSpeed } from './machine-speed.ts';
import type { MemoryNeed } from './model-fit.ts';
import { estimatedSpeed, memoryNeed, weightBytes } from './model-fit.ts';
import { assertPresent } from './models.ts';
import type { InstalledModel } from './models.ts';
import { createPromptWriter } from './prompt.ts';

type Details = NonNullable<ModelSummary['details']>;

/** What opening the file has shown; it changes with the file only. */
interface Examined {
  readonly details: Details | null;
  /** as the file says it (`general.license`) */
  readonly licence: string | null;
  readonly problem: ModelSummary['problem'];
  readonly need: (MemoryNeed & { readonly weightBytes: number }) | null;
}

/** What the machine has and does. */
export interface Machine {
  /** memory for a model, MB */
  readonly freeMB: number;
  /** null: not measured */
  readonly speed: MachineSpeed | null;
}

export class ModelSummaries {
  readonly #examined = new Map<string, Promise<Examined>>();
  readonly #packedFolder: string;

  /** @param packedFolder where the engine keeps packed weights of models that lie elsewhere */
  constructor(packedFolder: string) {
    this.#packedFolder = packedFolder;
  }

  /** @param isDefault answers where nothing else is chosen */
  async of(model: InstalledModel, machine: Machine, isDefault: boolean): Promise<ModelSummary> {
    const { id, path, bytes, known, link } = model;
    const { details, licence, problem, need } = await this.#examine(model);
    const gate = known?.farReading;
    return {
      id,
      name: known?.name ?? id,
      path,
      link,
      bytes,
      packedBytes: await packedWeightBytes(path, this.#packedFolder),
      isDefault,
      licence: known?.licence ?? licence,
      details,
      problem,
      fit: need && fitOf(need, machine),
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
    const { problem } = await this.#examine({ id: path, path, bytes: 0, known: null, link: null });
    if (problem !== null) throw fromWire(problem);
  }

  /** once for each size and time of change: a vocabulary of 100,000 words takes a while */
  async #examine(model: InstalledModel): Promise<Examined> {
    const info = await stat(model.path).catch(() => null);
    const key = `${model.path} ${String(info?.size)} ${String(info?.mtimeMs)}`;
    const known = this.#examined.get(key);
    if (known !== undefined) return known;
    const examined = examine(model);
    this.#examined.set(key, examined);
    return examined;
  }
}

function fitOf(need: NonNullable<Examined['need']>, { freeMB, speed }: Machine): ModelSummary['fit'] {
  const { weightBytes: bytes, ...memory } = need;
  return {
    ...memory,
    freeMB: Math.round(freeMB),
    fits: need.memoryMB <= freeMB,
    speed: speed && estimatedSpeed(bytes, speed),
  };
}

async function examine(model: InstalledModel): Promise<Examined> {
  try {
    assertPresent(model);
    const file = await openGguf(model.path);
    try {
      return await describe(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    return { details: null, licence: null, problem: toWire(error), need: null };
  }
}

/** @throws AppError what an engine would throw that is started with this file */
async function describe(file: GgufFile): Promise<Examined> {
  const hyperparameters = await readHyperparameters(file);
  createPromptWriter(createTokenizer(file.metadata), createChatTemplate(file.metadata));
  const { parameters, quantisation } = weightsOf(file);
  return {
    details: {
      architecture: hyperparameters.architecture,
      parameters,
      quantisation,
      trainedLength: hyperparameters.trainedLength,
    },
    licence: licenceOf(file),
    problem: null,
    need: { ...memoryNeed(file, hyperparameters), weightBytes: weightBytes(file) },
  };
}

/** `general.license` is an SPDX name, or says that the licence has a name of its own. */
function licenceOf({ metadata }: GgufFile): string | null {
  const text = (key: string): string | null => {
    const value = metadata.get(key);
    return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 200) : null;
  };
  const licence = text('general.license');
  return licence === null || licence === 'other' ? (text('general.license.name') ?? licence) : licence;
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
