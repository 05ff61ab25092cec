/** The tensor list of a GGUF header: names, shapes, types, and where their bytes lie. */
import { AppError } from '../../../shared/errors.ts';
import { malformed, quote } from './faults.ts';
import type { HeaderBytes } from './header-bytes.ts';
import { limits } from './limits.ts';
import { asTensorType, removedTensorType, tensorTypeLayout } from './tensor-types.ts';
import type { TensorTypeLayout } from './tensor-types.ts';
import type { TensorInfo } from './types.ts';

/** a tensor whose offset still counts from the start of the data */
interface Listed {
  readonly name: string;
  readonly layout: TensorTypeLayout;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly relativeOffset: bigint;
}

/**
 * @param alignment bytes, a power of two: of the data and of each tensor in it
 * @throws AppError 'invalid-input' for shapes, offsets or sizes that the file cannot hold, 'unsupported' for types
 *   that were removed
 */
export function readTensorList(
  header: HeaderBytes,
  count: number,
  alignment: number,
): { tensors: Map<string, TensorInfo>; dataOffset: number } {
  const listed: Listed[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    const tensor = readEntry(header, index);
    if (names.has(tensor.name)) throw malformed(`the tensor ${quote(tensor.name)} occurs twice`);
    names.add(tensor.name);
    listed.push(tensor);
  }
  const dataOffset = Math.ceil(header.position / alignment) * alignment;
  checkExtents(listed, alignment, dataOffset, header.fileBytes);
  const tensors = new Map(listed.map((tensor) => [tensor.name, locate(tensor, dataOffset)]));
  return { tensors, dataOffset };
}

function locate(tensor: Listed, dataOffset: number): TensorInfo {
  return {
    name: tensor.name,
    type: asTensorType(tensor.layout.name),
    typeName: tensor.layout.name,
    shape: tensor.shape,
    offset: dataOffset + Number(tensor.relativeOffset),
    bytes: tensor.bytes,
  };
}

function readEntry(header: HeaderBytes, index: number): Listed {
  const name = header.string(`the name of tensor ${index}`, limits.tensorNameBytes);
  if (name === '') throw malformed(`the name of tensor ${index} is empty`);
  const dimensions = header.uint32(`the number of dimensions of ${quote(name)}`);
  if (dimensions < 1 || dimensions > limits.dimensions)
    throw malformed(`${quote(name)} has ${dimensions} dimensions; 1 to ${limits.dimensions} are allowed`);
  const sides = Array.from({ length: dimensions }, () => header.uint64(`the shape of ${quote(name)}`));
  const layout = readType(header, name);
  const relativeOffset = header.uint64(`the offset of ${quote(name)}`);
  const bytes = tensorExtent(name, sides, layout, header.fileBytes);
  return { name, layout, shape: sides.map(Number), bytes, relativeOffset };
}

function readType(header: HeaderBytes, name: string): TensorTypeLayout {
  const id = header.uint32(`the type of ${quote(name)}`);
  const layout = tensorTypeLayout(id);
  if (layout !== undefined) return layout;
  const removed = removedTensorType(id);
  if (removed === undefined) throw malformed(`${quote(name)} has the unknown tensor type ${id}`);
  throw new AppError(
    'unsupported',
    `The tensor ${quote(name)} is stored as ${removed}, a type that was removed from GGUF.`,
    'Get a newer file of the model, for example Q4_1 or Q8_0.',
  );
}

/** Bytes of a tensor. Computed with big integers: the product of the sides may wrap around any fixed width. */
function tensorExtent(
  name: string,
  sides: readonly bigint[],
  layout: TensorTypeLayout,
  fileBytes: number,
): number {
  if (sides.some((side) => side === 0n)) throw malformed(`${quote(name)} has a side of length 0`);
  const elements = sides.reduce((product, side) => product * side, 1n);
  const bytes = (elements / BigInt(layout.blockLength)) * BigInt(layout.blockBytes);
  // A size beyond any download that stopped early; smaller excesses are judged with the offsets.
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER) || elements > BigInt(Number.MAX_SAFE_INTEGER))
    throw malformed(`${quote(name)} claims ${elements} elements, but the file has ${fileBytes} bytes`);
  if (sides[0] % BigInt(layout.blockLength) !== 0n)
    throw malformed(
      `${quote(name)} has rows of ${sides[0]} elements, no multiple of ${layout.name}'s block of ${layout.blockLength}`,
    );
  return Number(bytes);
}

function checkExtents(
  listed: readonly Listed[],
  alignment: number,
  dataOffset: number,
  fileBytes: number,
): void {
  for (const { name, relativeOffset } of listed) {
    if (relativeOffset > BigInt(Number.MAX_SAFE_INTEGER))
      throw malformed(`${quote(name)} lies at the impossible offset ${relativeOffset}`);
    if (relativeOffset % BigInt(alignment) !== 0n)
      throw malformed(
        `${quote(name)} lies at offset ${relativeOffset}, no multiple of the alignment ${alignment}`,
      );
  }
  const ordered = listed.toSorted((a, b) => Number(a.relativeOffset - b.relativeOffset));
  let end = 0;
  let previous = '';
  for (const { name, relativeOffset, bytes } of ordered) {
    const start = Number(relativeOffset);
    if (start < end) throw malformed(`the tensors ${quote(previous)} and ${quote(name)} overlap`);
    end = start + bytes;
    previous = name;
  }
  // A file without tensors (a bare vocabulary) ends with its header, unpadded.
  if (listed.length === 0 || dataOffset + end <= fileBytes) return;
  throw new AppError(
    'invalid-input',
    `The file has ${fileBytes} bytes, but its tensors reach to byte ${dataOffset + end} ` +
      `(the last one is ${quote(previous)}).`,
    'The download is probably incomplete: download the file again.',
    { details: { actualBytes: fileBytes, expectedBytes: dataOffset + end } },
  );
}
