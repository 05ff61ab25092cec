/**
 * The kernels as pipelines. One operation is one `.wgsl` file; where it has variants (weight types, what happens to
 * the input and the output of a product, how keys and values are kept) the file leaves functions open, and a pipeline
 * is the texts one after another: WGSL does not mind the order. No preprocessor.
 */
import { readFileSync } from 'node:fs';
import type { TensorType } from '../../../formats/index.ts';
import { AppError } from '../../../../shared/errors.ts';

export type WeightType = Exclude<TensorType, 'OTHER'>;

/** Bits of a number in keys and values; 8: with a scale for each 32. */
export type KvBits = 8 | 16 | 32;

export interface MatmulVariant {
  readonly type: WeightType;
  readonly input: 'plain' | 'normed' | 'swiglu' | 'geglu';
  readonly output: 'store' | 'add' | 'bias' | 'capped';
}

/**
 * Of products: f32; by quantised matrices in integers or halves (matmul-quants.wgsl); by all but F32 in halves on matrix units
 * (matmul-matrix.wgsl). Each gives other bits, and has its name in the kernel variant.
 */
export const arithmetics = ['f32', 'int8', 'f16', 'matrix'] as const;
export type Arithmetic = (typeof arithmetics)[number];

export interface KernelOptions {
  /** false: without the kernels for many rows. The bits are the same; some drivers compile for minutes */
  readonly tiled?: boolean;
  readonly arithmetic?: Arithmetic;
}

export interface AttentionVariant {
  readonly headDim: number;
  readonly kvBits: KvBits;
  /** scores are capped: c tanh(score / c) */
  readonly capped: boolean;
  /** queries and keys are normed by heads */
  readonly normed: boolean;
}

/** Up to this many rows go through the kernels that are made for few rows. The bits are the same. */
export const FEW_ROWS = 4;

/** Outputs and rows of a workgroup of matmul.wgsl. */
export const matmulTile = { outputs: 64, rows: 64 } as const;

/** Groups of lanes in a workgroup of matvec.wgsl: each has `outputs` of its own. */
export const matvecGroups = 4;

/** Queries of a workgroup of attention-prefill.wgsl; heads of one of attention-decode.wgsl. */
export const attentionTile = { queries: 64, heads: 8 } as const;

export interface MatmulPipelines {
  /** few rows, `outputs` outputs for each group of lanes; null: all go through `matmul` */
  readonly matvec: { readonly pipeline: GPUComputePipeline; readonly outputs: number } | null;
  /** many rows; null: all go through `matvec` */
  readonly matmul: GPUComputePipeline | null;
  /** before `matmul`, where the input is normed */
  readonly rowRms: GPUComputePipeline | null;
}

export interface AttentionPipelines {
  readonly cacheWrite: GPUComputePipeline;
  readonly keyTurns: GPUComputePipeline;
  readonly decode: GPUComputePipeline;
  /** null: all rows go through `decode` */
  readonly prefill: GPUComputePipeline | null;
  readonly merge: GPUComputePipeline;
}

export interface SamplingPipelines {
  readonly candidates: GPUComputePipeline;
  readonly merge: GPUComputePipeline;
  readonly choose: GPUComputePipeline;
}

/** Stands for reduce-subgroup or reduce-workgroup in the files of a pipeline. */
const REDUCE = 'reduce';
const rms = ['rms', REDUCE];

const DIRECTIVE = /^(?:enable |diagnostic\().*$/gm;

/** Logits of a workgroup, and of each workgroup the candidates that are kept: ITEMS and KEEP of sample-*.wgsl. */
export const samplingItems = 2048;
export const samplingKeep = { greedy: 1, drawn: 64 } as const;

/** What kernels are compiled for. */
export interface KernelDevice {
  readonly gpu: GPUDevice;
  /** lanes of its subgroups, where sums and maxima may go through them; null: through workgroup memory. The same bits. */
  readonly subgroupSize: number | null;
}

/** Pipelines are compiled when they are first asked for, and kept. */
export class Kernels {
  readonly #device: GPUDevice;
  readonly #subgroupSize: number | null;
  readonly arithmetic: Arithmetic;
  readonly #tiled: boolean;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: KernelDevice, { tiled = true, arithmetic = 'f32' }: KernelOptions = {}) {
    this.#device = device.gpu;
    this.#subgroupSize = device.subgroupSize;
    this.arithmetic = arithmetic;
    this.#tiled = tiled;
  }

  embedding(type: WeightType): Promise<GPUComputePipeline> {
    return this.#pipeline(['embedding', ...weightsFiles(type)]);
  }

  /** x += norm(branch) */
  addNormed(): Promise<GPUComputePipeline> {
    return this.#pipeline(['add-normed', ...rms, 'product']);
  }

  /** Sums and maxima of as many lanes, to be tried. */
  reductionTest(lanes: number): Promise<GPUComputePipeline> {
    return this.#pipeline(['reduce-test', REDUCE], `const LANES = ${String(lanes)}u;\n`);
  }

  async attention({ headDim, kvBits, capped, normed }: AttentionVariant): Promise<AttentionPipelines> {
    const constants = `const HEAD_WORDS = ${String(headDim / 4)}u;\n`;
    const kv = { 8: ['kv-q8', 'kv-q8'], 16: ['kv-f16', 'kv'], 32: ['kv-f32', 'kv'] }[kvBits];
    const turns = kvBits === 32 ? 'turns-f32' : 'turns-f16';
    const common = ['attention', kv[0], `${kv[1]}-read`, turns, REDUCE];
    const score = capped ? ['score-capped', 'tanh'] : ['score-plain'];
    const heads = normed ? 'heads-normed' : 'heads-plain';
    const [cacheWrite, keyTurns, decode, prefill, merge] = await Promise.all([
      this.#pipeline(['cache-write', heads, kv[0], `${kv[1]}-write`], constants),
      this.#pipeline(['key-turns', turns], constants),
      this.#pipeline([...common, ...score, 'attention-decode'], constants),
      this.#tiled ? this.#pipeline([...common, ...score, 'attention-prefill'], constants) : null,
      this.#pipeline(['attention-merge', REDUCE], constants),
    ]);
    return { cacheWrite, keyTurns, decode, prefill, merge };
  }

  async sampling(kind: keyof typeof samplingKeep): Promise<SamplingPipelines> {
    const constants = `const KEEP = ${String(samplingKeep[kind])}u;\n`;
    const order = kind === 'greedy' ? ['sample-best', REDUCE] : ['sample-sort'];
    const reduce = kind === 'greedy' ? [] : [REDUCE];
    const [candidates, merge, choose] = await Promise.all([
      this.#pipeline(['sample-candidates', 'sample-items', ...order, ...reduce], constants),
      this.#pipeline(['sample-merge', 'sample-items', ...order], constants),
      this.#pipeline(['sample-choose', 'sample-items'], constants),
    ]);
    return { candidates, merge, choose };
  }

  /** @param outputs rows of the matrix: small ones are spread over more workgroups */
  async matmul({ type, input, output }: MatmulVariant, outputs: number): Promise<MatmulPipelines> {
    if (this.arithmetic === 'matrix' && type !== 'F32') return this.#onMatrixUnits({ type, input, output });
    const isNormed = input === 'normed';
    const tanh = input === 'geglu' || output === 'capped' ? ['tanh'] : [];
    const { arithmetic } = this;
    const byQuants = (arithmetic === 'int8' || arithmetic === 'f16') && isQuantised(type);
    const common = [
      ...['product', ...weightsFiles(type), `output-${output}`, ...tanh],
      ...(byQuants ? ['quants', arithmetic] : []),
    ];
    const perGroup = outputs < 8192 ? 1 : 4;
    const suffix = byQuants ? '-quants' : '';
    const [matvec, matmul, rowRms] = await Promise.all([
      this.#pipeline(
        [`matvec${suffix}`, ...common, `input-${input}`, ...(isNormed ? rms : [])],
        `const OUTPUTS = ${String(perGroup)}u;\n`,
      ),
      this.#tiled
        ? this.#pipeline([`matmul${suffix}`, ...common, isNormed ? 'input-scaled' : `input-${input}`])
        : null,
      this.#tiled && isNormed ? this.#pipeline(['row-rms', ...rms, 'product']) : null,
    ]);
    return { matvec: { pipeline: matvec, outputs: perGroup }, matmul, rowRms };
  }

  async #onMatrixUnits({ type, input, output }: MatmulVariant): Promise<MatmulPipelines> {
    const isNormed = input === 'normed';
    const tanh = input === 'geglu' || output === 'capped' ? ['tanh'] : [];
    const ofInput = isNormed ? 'input-scaled' : `input-${input}`;
    const files = ['product', ...weightsFiles(type), `output-${output}`, ofInput, ...tanh];
    const [matmul, rowRms] = await Promise.all([
      this.#pipeline(['matmul-matrix', ...files]),
      isNormed ? this.#pipeline(['row-rms', ...rms, 'product']) : null,
    ]);
    return { matvec: null, matmul, rowRms };
  }

  #pipeline(parts: readonly string[], constants = ''): Promise<GPUComputePipeline> {
    const files = parts.map((part) => (part === REDUCE ? this.#reduction : part));
    const label = `${constants}${files.join(' + ')}`;
    let pipeline = this.#pipelines.get(label);
    if (pipeline === undefined) {
      pipeline = this.#compile(
        label,
        inOrder(constants + this.#subgroupConstant + files.map(source).join('\n')),
      );
      this.#pipelines.set(label, pipeline);
    }
    return pipeline;
  }

  get #reduction(): string {
    return this.#subgroupSize === null ? 'reduce-workgroup' : 'reduce-subgroup';
  }

  get #subgroupConstant(): string {
    return this.#subgroupSize === null ? '' : `const SUBGROUP = ${String(this.#subgroupSize)}u;\n`;
  }

  async #compile(label: string, code: string): Promise<GPUComputePipeline> {
    const module = this.#device.createShaderModule({ label, code });
    try {
      return await this.#device.createComputePipelineAsync({ label, layout: 'auto', compute: { module } });
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const said = messages.map(({ lineNum, message }) => `${String(lineNum)}: ${message}`).join('; ');
      throw new AppError(
        'unsupported',
        `The graphics adapter does not take the kernel ${label}: ${said || String(cause)}`,
        'Update its driver, or use --backend cpu.',
        { cause },
      );
    }
  }
}

function isQuantised(type: WeightType): boolean {
  return type.startsWith('Q');
}

function weightsFiles(type: WeightType): readonly string[] {
  const file = `weights-${type.toLowerCase()}`;
  if (!isQuantised(type)) return [file];
  const common = [file, 'weights-quantised'];
  if (type === 'Q5_0' || type === 'Q5_1') return [...common, 'fifth-bits'];
  if (type === 'Q4_K' || type === 'Q5_K') return [...common, 'k-scales'];
  return common;
}

/** Of a module only directives must come first. */
function inOrder(code: string): string {
  const directives = code.match(DIRECTIVE) ?? [];
  return [...new Set(directives), code.replaceAll(DIRECTIVE, '')].join('\n');
}

function source(file: string): string {
  return readFileSync(new URL(`./${file}.wgsl`, import.meta.url), 'utf8');
}
