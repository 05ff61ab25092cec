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
  // in blocks the scales come first; halves by themselves are blocks of one
  const { step, scales } = type === 'F16' ? { step: 1, scales: 1 } : fileBlock(type);
  for (let block = 0; block < halves.length; block += step) {
    for (let i = block; i < block + scales; i++) if ((halves[i] & 0x7c00) === 0x7c00) return false;
  }
  return true;
}
