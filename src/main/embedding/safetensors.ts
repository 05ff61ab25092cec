/** Tensors out of a .safetensors file: a JSON header of names, shapes and places, then the bytes. f32 only. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';

export type Tensors = (name: string, shape: readonly number[]) => Float32Array;

const HEADER_BYTES = 8;
const tensor = v.object({
  dtype: v.string(),
  shape: v.array(v.pipe(v.number(), v.integer(), v.minValue(0))),
  data_offsets: v.tuple([v.pipe(v.number(), v.integer()), v.pipe(v.number(), v.integer())]),
});

/**
 * Reads the file and returns its tensors by name and shape.
 * @throws AppError 'invalid-input' (also later, by the returned function) when the file is not what it says
 */
export async function readSafetensors(path: string): Promise<Tensors> {
  const bytes = await readFile(path);
  const length = bytes.length < HEADER_BYTES ? NaN : Number(bytes.readBigUInt64LE(0));
  if (!(length <= bytes.length - HEADER_BYTES)) throw damaged(path, 'its header is cut off');
  const header = parse(path, bytes.toString('utf8', HEADER_BYTES, HEADER_BYTES + length));
  const data = bytes.subarray(HEADER_BYTES + length);
  return (name, shape) => {
    const found = v.safeParse(tensor, header[name]);
    if (!found.success) throw damaged(path, `it has no tensor ${name}`);
    const { dtype, data_offsets } = found.output;
    const [start, end] = data_offsets;
    const elements = shape.reduce((product, one) => product * one, 1);
    const fits = start >= 0 && end <= data.length && end - start === elements * 4;
    if (dtype !== 'F32' || String(found.output.shape) !== String(shape) || !fits)
      throw damaged(path, `${name} is not [${shape.join(', ')}] of f32`);
    // a copy: the file's bytes need not be aligned
    return new Float32Array(data.buffer.slice(data.byteOffset + start, data.byteOffset + end) as ArrayBuffer);
  };
}

function parse(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return v.parse(v.record(v.string(), v.unknown()), JSON.parse(text));
  } catch (cause) {
    throw damaged(path, 'its header is no JSON object', cause);
  }
}

function damaged(path: string, why: string, cause?: unknown): AppError {
  return new AppError('invalid-input', `${path} is damaged: ${why}.`, 'Fetch the model again.', { cause });
}
