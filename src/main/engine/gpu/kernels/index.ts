/**
 * The kernels as pipelines. One operation is one `.wgsl` file; where it has variants (weight types, what happens to
 * the input and the output of a product) the file leaves functions open, and a pipeline is the texts one after
 * another: WGSL does not mind the order. No preprocessor.
 */
import { readFileSync } from 'node:fs';
import { AppError } from '../../../../shared/errors.ts';

export type WeightType = 'F32' | 'F16' | 'Q8_0' | 'Q4_0' | 'Q4_1';

export interface MatmulVariant {
  readonly type: WeightType;
  readonly input: 'plain' | 'normed' | 'swiglu';
  readonly output: 'store' | 'add';
}

/** Rows that a workgroup of the product computes at once: in decode, and for more rows. Outputs: matmul.wgsl. */
export const matmulTile = { decodeRows: 1, prefillRows: 4, outputs: 8 } as const;

export interface MatmulPipelines {
  readonly decode: GPUComputePipeline;
  readonly prefill: GPUComputePipeline;
}

/** Pipelines are compiled when they are first asked for, and kept. */
export class Kernels {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  single(name: 'attention' | 'cache-write' | 'key-turns'): Promise<GPUComputePipeline> {
    return this.#pipeline([name]);
  }

  embedding(type: WeightType): Promise<GPUComputePipeline> {
    return this.#pipeline(['embedding', weightsFile(type)]);
  }

  async matmul({ type, input, output }: MatmulVariant): Promise<MatmulPipelines> {
    const files = ['matmul', weightsFile(type), `input-${input}`, `output-${output}`];
    const [decode, prefill] = await Promise.all([
      this.#pipeline(files, `const ROWS = ${String(matmulTile.decodeRows)}u;\n`),
      this.#pipeline(files, `const ROWS = ${String(matmulTile.prefillRows)}u;\n`),
    ]);
    return { decode, prefill };
  }

  #pipeline(files: readonly string[], constants = ''): Promise<GPUComputePipeline> {
    const label = `${constants}${files.join(' + ')}`;
    let pipeline = this.#pipelines.get(label);
    if (pipeline === undefined) {
      pipeline = this.#compile(label, constants + files.map(source).join('\n'));
      this.#pipelines.set(label, pipeline);
    }
    return pipeline;
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

function weightsFile(type: WeightType): string {
  return `weights-${type.toLowerCase()}`;
}

function source(file: string): string {
  return readFileSync(new URL(`./${file}.wgsl`, import.meta.url), 'utf8');
}
