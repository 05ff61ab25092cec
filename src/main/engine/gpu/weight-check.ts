/** Weights that are not numbers poison every answer without a word: they are found when the model is loaded. */
import { AppError } from '../../../shared/errors.ts';
import { fileBlock } from './packing.ts';
import type { WeightType } from './kernels/index.ts';

/** @throws AppError 'invalid-input', naming the tensor, when a weight, or a scale of weights, is no finite number */
export function requireNumbers(name: string, type: WeightType, bytes: Uint8Array): void {
  if (areNumbers(type, bytes)) return;
  throw new AppError(
    'invalid-input',
    `The tensor "${name}" holds weights that are not numbers.`,
    'The file is damaged: fetch it again, or ask `longleaf models verify`.',
  );
}

function areNumbers(type: WeightType, bytes: Uint8Array): boolean {
  const whole = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  if (type === 'F32') {
    const words = new Uint32Array(whole.buffer, whole.byteOffset, Math.floor(whole.byteLength / 4));
    return words.every((word) => (word & 0x7f800000) !== 0x7f800000);
  }
  const halves = new Uint16Array(whole.buffer, whole.byteOffset, Math.floor(whole.byteLength / 2));
  // halves by themselves are blocks of one
  const isPlain = type === 'F16' || type === 'BF16';
  const { step, first, count } = isPlain ? { step: 1, first: 0, count: 1 } : fileBlock(type);
  const exponent = type === 'BF16' ? 0x7f80 : 0x7c00;
  for (let block = first; block < halves.length; block += step) {
    for (let i = block; i < block + count; i++) if ((halves[i] & exponent) === exponent) return false;
  }
  return true;
}
