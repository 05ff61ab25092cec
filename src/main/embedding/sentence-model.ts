/**
 * all-MiniLM-L6-v2: a text becomes a point of unit length in 384 dimensions; the closer two points, the more alike what
 * the texts say. One session on one thread.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';
import { matrix, OnnxSession } from '../engine/index.ts';
import { WordPieceEncoder } from '../tokenizer/index.ts';
import { EPSILON, encoderGraph, SHAPE } from './encoder-graph.ts';
import { readSafetensors, type Tensors } from './safetensors.ts';

/** What the model was trained with; a longer text counts by its beginning. */
const MOST_TOKENS = 256;

const tokenizerFile = v.object({ model: v.object({ vocab: v.record(v.string(), v.number()) }) });

export class SentenceModel {
  readonly #session: OnnxSession;
  readonly #encoder: WordPieceEncoder;
  readonly #first: number;
  readonly #last: number;
  readonly #embeddings: Embeddings;

  private constructor(session: OnnxSession, vocabulary: Readonly<Record<string, number>>, tensors: Tensors) {
    this.#session = session;
    this.#encoder = new WordPieceEncoder(vocabulary);
    this.#first = vocabulary['[CLS]'] ?? 0;
    this.#last = vocabulary['[SEP]'] ?? 0;
    this.#embeddings = new Embeddings(tensors);
  }

  /**
   * @param folder holds model.safetensors and tokenizer.json
   * @throws AppError 'invalid-input' when a file is missing or damaged
   */
  static async load(folder: string): Promise<SentenceModel> {
    const tensors = await readSafetensors(join(folder, 'model.safetensors'));
    const { vocab } = (await readTokenizer(join(folder, 'tokenizer.json'))).model;
    return new SentenceModel(await OnnxSession.create(encoderGraph(tensors)), vocab, tensors);
  }

  /** Of unit length; `width` numbers. */
  async embed(text: string): Promise<Float32Array> {
    const ids = [this.#first, ...this.#encoder.encode(text, MOST_TOKENS - 2), this.#last];
    const { width } = SHAPE;
    const size = ids.length * width;
    const x = matrix(this.#embeddings.of(ids), ids.length, width, [1]);
    const y = matrix(new Float32Array(size), ids.length, width, [1]);
    await this.#session.run({ x }, { y });
    return unit(mean(y.values, width));
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

async function readTokenizer(path: string): Promise<v.InferOutput<typeof tokenizerFile>> {
  try {
    return v.parse(tokenizerFile, JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new AppError('invalid-input', `${path} is not the model's tokenizer.`, 'Fetch the model again.', {
      cause,
    });
  }
}

/** Word, place and kind of text, added and normed: what the encoder begins with. */
class Embeddings {
  readonly #words: Float32Array;
  /** with the one kind of text that there is */
  readonly #places: Float32Array;
  readonly #gamma: Float32Array;
  readonly #beta: Float32Array;

  constructor(tensors: Tensors) {
    const { width, tokens, positions } = SHAPE;
    this.#words = tensors('embeddings.word_embeddings.weight', [tokens, width]);
    this.#places = tensors('embeddings.position_embeddings.weight', [positions, width]);
    const kinds = tensors('embeddings.token_type_embeddings.weight', [2, width]);
    for (let i = 0; i < this.#places.length; i++) this.#places[i]! += kinds[i % width]!;
    this.#gamma = tensors('embeddings.LayerNorm.weight', [width]);
    this.#beta = tensors('embeddings.LayerNorm.bias', [width]);
  }

  of(ids: readonly number[]): Float32Array {
    const { width } = SHAPE;
    const rows = new Float32Array(ids.length * width);
    ids.forEach((id, place) => {
      const row = rows.subarray(place * width, (place + 1) * width);
      for (let i = 0; i < width; i++)
        row[i] = this.#words[id * width + i]! + this.#places[place * width + i]!;
      this.#norm(row);
    });
    return rows;
  }

  #norm(row: Float32Array): void {
    let sum = 0;
    for (const value of row) sum += value;
    const average = sum / row.length;
    let squares = 0;
    for (const value of row) squares += (value - average) ** 2;
    const scale = 1 / Math.sqrt(squares / row.length + EPSILON);
    for (let i = 0; i < row.length; i++)
      row[i] = (row[i]! - average) * scale * this.#gamma[i]! + this.#beta[i]!;
  }
}

function mean(rows: Float32Array, width: number): Float32Array {
  const result = new Float32Array(width);
  for (let i = 0; i < rows.length; i++) result[i % width]! += rows[i]!;
  return result;
}

function unit(values: Float32Array): Float32Array {
  let squares = 0;
  for (const value of values) squares += value * value;
  const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares);
  return values.map((value) => value * scale);
}
