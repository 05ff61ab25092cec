/**
 * The dense part of the model as onnxruntime sessions over the rows of one chunk. It knows nothing of attention:
 * `cpu-runtime.ts` calls entry, joints and exit around it.
 */
import type { GgufFile } from '../../formats/index.ts';
import { outputTensorName } from '../model-tensors.ts';
import type { Hyperparameters } from '../runtime.ts';
import { entryGraph, exitGraph, headGraph, jointGraph } from './dense-graphs.ts';
import { Session, rowsOf } from './onnx.ts';
import type { Matrix } from './onnx.ts';
import type { Repack } from './quantised-matmul.ts';
import { WeightReader } from './weights.ts';
import type { RawTensor } from './weights.ts';

/**
 * Rows of one session run. Bits do not depend on it, speed hardly (tokens/s of the dense part at 32 rows 851, 64 885,
 * 128 907, 512 919), memory does: a chunk of 512 raises the resident memory by 92 MB in one run, by 53 MB in four.
 */
const ROWS_PER_RUN = 128;

interface Sessions {
  readonly entry: Session;
  /** joint l stands between the attention of layer l and of layer l + 1 */
  readonly joints: readonly Session[];
  readonly exit: Session;
  readonly head: Session;
}

/** Attention output of a layer and the residual before it. */
export interface LayerRows {
  /** [rows][heads * headDim] */
  readonly attention: Matrix;
  /** [rows][embedding] */
  readonly residual: Matrix;
}

export class DenseModel {
  /** Its rows are looked up, so it stays as the file holds it. */
  readonly embedding: RawTensor;
  readonly #sessions: Sessions;

  private constructor(embedding: RawTensor, sessions: Sessions) {
    this.embedding = embedding;
    this.#sessions = sessions;
  }

  /**
   * Reads, repacks and compiles layer after layer, so that no more than one layer is held twice.
   * @param gguf checked by readHyperparameters; not needed afterwards
   * @throws AppError 'invalid-input' when the file became unreadable
   */
  static async load(gguf: GgufFile, hyperparameters: Hyperparameters, repack: Repack): Promise<DenseModel> {
    const reader = new WeightReader(gguf, repack);
    const embedding = await reader.raw('token_embd.weight');
    const opened: Session[] = [];
    const open = async (graph: Uint8Array): Promise<Session> => {
      const session = await Session.create(graph);
      opened.push(session);
      return session;
    };
    try {
      const sessions = await openSessions(gguf, hyperparameters, reader, embedding, open);
      return new DenseModel(embedding, sessions);
    } catch (error) {
      await Promise.all(opened.map((session) => session.release()));
      throw error;
    }
  }

  /** @param x [rows][embedding]  @param qkv overwritten: q | k | v of layer 0 */
  async entry(x: Matrix, qkv: Matrix): Promise<void> {
    for (const [first, count] of slices(x.rows))
      await this.#sessions.entry.run({ x: rowsOf(x, first, count) }, { qkv: rowsOf(qkv, first, count) });
  }

  /** From the attention of `layer` (not the last one) to q | k | v of the next one; `next` is the new residual. */
  async joint(layer: number, rows: LayerRows, output: { qkv: Matrix; next: Matrix }): Promise<void> {
    const joint = this.#sessions.joints[layer] as Session;
    for (const [first, count] of slices(rows.residual.rows))
      await joint.run(
        {
          attention: rowsOf(rows.attention, first, count),
          residual: rowsOf(rows.residual, first, count),
        },
        { qkv: rowsOf(output.qkv, first, count), next: rowsOf(output.next, first, count) },
      );
  }

  /** From the attention of the last layer to logits [rows][vocabulary]; `hidden` [rows][embedding] is scratch. */
  async logits(rows: LayerRows, hidden: Matrix, logits: Matrix): Promise<void> {
    const { attention, residual } = rows;
    await this.#sessions.exit.run({ attention, residual }, { hidden });
    await this.#sessions.head.run({ hidden }, { logits });
  }

  async release(): Promise<void> {
    const { entry, joints, exit, head } = this.#sessions;
    await Promise.all([entry, ...joints, exit, head].map((session) => session.release()));
  }
}

async function openSessions(
  gguf: GgufFile,
  hyperparameters: Hyperparameters,
  reader: WeightReader,
  embedding: RawTensor,
  open: (graph: Uint8Array) => Promise<Session>,
): Promise<Sessions> {
  let layer = await reader.layer(0);
  const entry = await open(entryGraph(hyperparameters, layer.input));
  const joints: Session[] = [];
  for (let index = 1; index < hyperparameters.layers; index++) {
    const next = await reader.layer(index);
    joints.push(await open(jointGraph(hyperparameters, layer.feedForward, next.input)));
    layer = next;
  }
  const finalNorm = await reader.vector('output_norm.weight');
  const exit = await open(exitGraph(hyperparameters, layer.feedForward, finalNorm));
  const outputName = outputTensorName(gguf);
  const output = outputName === embedding.info.name ? embedding : await reader.raw(outputName);
  const head = await open(headGraph(hyperparameters, reader.matrix([output])));
  return { entry, joints, exit, head };
}

function* slices(rows: number): Generator<readonly [first: number, count: number]> {
  for (let first = 0; first < rows; first += ROWS_PER_RUN)
    yield [first, Math.min(ROWS_PER_RUN, rows - first)];
}
