/**
 * Recorded inputs and outputs of dilated attention (`data/longnet`: torchscale's, and the paper's head offsets on
 * the same inputs). `bench attention --vectors DIR` and the tests of every backend read them here.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';
import type { DilatedPattern } from './plan/types.ts';

export interface AttentionVector {
  readonly name: string;
  readonly tokens: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly patterns: readonly DilatedPattern[];
  readonly causal: boolean;
  /** XPOS with theta_i = 10000^(-2i / headDim) is applied to q and k before attention */
  readonly xpos: boolean;
  /**
   * f32 [heads or kvHeads][tokens][headDim] by name: q, k, v; o (torchscale's offset rule), o_paper (the paper's);
   * qr, kr: q and k after XPOS
   */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

const natural = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1 << 20));

const casesSchema = v.object({
  cases: v.array(
    v.object({
      name: v.string(),
      tokens: natural,
      heads: natural,
      kvHeads: natural,
      headDim: natural,
      patterns: v.array(v.tuple([natural, natural])),
      causal: v.boolean(),
      xpos: v.boolean(),
      file: v.pipe(v.string(), v.regex(/^[\w-]+\.bin$/)),
      tensors: v.record(
        v.string(),
        v.object({ shape: v.array(natural), offset: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
      ),
    }),
  ),
});

/**
 * @param directory holds cases.json and the files it names
 * @throws AppError 'not-found' | 'invalid-input'
 */
export async function readAttentionVectors(directory: string): Promise<readonly AttentionVector[]> {
  const file = join(directory, 'cases.json');
  const parsed = v.safeParse(casesSchema, parseJson((await readBytes(file)).toString('utf8'), file));
  if (!parsed.success) {
    throw new AppError(
      'invalid-input',
      `"${file}" does not describe attention vectors.`,
      parsed.issues[0].message,
    );
  }
  return Promise.all(
    parsed.output.cases.map(async ({ file: name, tensors, patterns, ...rest }) => {
      const bytes = await readBytes(join(directory, name));
      return {
        ...rest,
        patterns: patterns.map(([segmentLength, dilation]) => ({ segmentLength, dilation })),
        tensors: new Map(
          Object.entries(tensors).map(([key, { shape, offset }]) => [
            key,
            readTensor(bytes, shape, offset, name),
          ]),
        ),
      };
    }),
  );
}

/** @throws AppError 'invalid-input' when the case has no such tensor */
export function vectorTensor(vector: AttentionVector, name: string): Float32Array {
  const tensor = vector.tensors.get(name);
  if (tensor === undefined)
    throw new AppError('invalid-input', `The case ${vector.name} has no tensor "${name}".`);
  return tensor;
}

function readTensor(bytes: Buffer, shape: readonly number[], offset: number, file: string): Float32Array {
  const length = shape.reduce((product, n) => product * n, 1);
  if (offset + 4 * length > bytes.length) {
    throw new AppError('invalid-input', `"${file}" is shorter than cases.json says.`);
  }
  return Float32Array.from({ length }, (_, i) => bytes.readFloatLE(offset + 4 * i));
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new AppError('not-found', `"${path}" can't be read.`, 'Name the folder that holds cases.json.', {
      cause,
    });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid-input', `"${path}" is not JSON.`, undefined, { cause });
  }
}
