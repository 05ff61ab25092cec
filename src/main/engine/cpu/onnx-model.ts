/**
 * Writes ONNX models: the few messages of onnx.proto (ONNX 1.17, IR version 10) that our graphs need, as protocol
 * buffers. We encode them ourselves so that a model goes from the GGUF's bytes to one session's bytes with one
 * copy of the weights and no dependency. Field numbers are those of
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto and stand beside each field below.
 */

export type ElementType = 'float32' | 'uint8' | 'int64';

/** TensorProto.DataType */
const DATA_TYPE: Record<ElementType, number> = { float32: 1, uint8: 2, int64: 7 };
const ELEMENT_BYTES: Record<ElementType, number> = { float32: 4, uint8: 1, int64: 8 };

/** A constant of the graph. `bytes` are little-endian, row-major. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

export type Attribute =
  { readonly kind: 'int'; readonly value: number } | { readonly kind: 'float'; readonly value: number };

export interface Node {
  readonly type: string;
  /** '' = ai.onnx; 'com.microsoft' = onnxruntime's contrib operators */
  readonly domain: '' | 'com.microsoft';
  readonly inputs: readonly string[];
  /** an empty name leaves an optional output out */
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output: f32, a dimension that is a name may have any length. */
export interface ValueInfo {
  readonly name: string;
  readonly dims: readonly (number | string)[];
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
}

const IR_VERSION = 10;
const ONNX_OPSET = 21;
const CONTRIB_OPSET = 1;

/** A part of the wire format: its length is known before it is written, so that the buffer is allocated once. */
interface Part {
  readonly length: number;
  write(target: Uint8Array, offset: number): void;
}

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** integers from 0 to 2^53: our dims and attributes are never negative */
function varint(value: number): Part {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a varint: ${value}`);
  return {
    length: varintLength(value),
    write(target, offset) {
      let rest = value;
      while (rest >= 128) {
        target[offset++] = (rest % 128) | 128;
        rest = Math.floor(rest / 128);
      }
      target[offset] = rest;
    },
  };
}

function sequence(parts: readonly Part[]): Part {
  let length = 0;
  for (const part of parts) length += part.length;
  return {
    length,
    write(target, offset) {
      for (const part of parts) {
        part.write(target, offset);
        offset += part.length;
      }
    },
  };
}

function raw(bytes: Uint8Array): Part {
  return { length: bytes.length, write: (target, offset) => target.set(bytes, offset) };
}

const key = (field: number, wireType: number): Part => varint(field * 8 + wireType);
const integer = (field: number, value: number): Part => sequence([key(field, VARINT), varint(value)]);

function delimited(field: number, payload: Part): Part {
  return sequence([key(field, LENGTH_DELIMITED), varint(payload.length), payload]);
}

const message = (field: number, parts: readonly Part[]): Part => delimited(field, sequence(parts));
const text = (field: number, value: string): Part => delimited(field, raw(new TextEncoder().encode(value)));

function float(field: number, value: number): Part {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return sequence([key(field, FIXED32), raw(bytes)]);
}

/** AttributeProto: name = 1, f = 2, i = 3, type = 20 (FLOAT = 1, INT = 2) */
function encodeAttribute(name: string, attribute: Attribute): Part[] {
  switch (attribute.kind) {
    case 'float':
      return [text(1, name), float(2, attribute.value), integer(20, 1)];
    case 'int':
      return [text(1, name), integer(3, attribute.value), integer(20, 2)];
  }
}

/** NodeProto: input = 1, output = 2, name = 3, op_type = 4, attribute = 5, domain = 7 */
function encodeNode(node: Node): Part[] {
  return [
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(3, node.outputs.find((name) => name !== '') ?? node.type),
    text(4, node.type),
    ...Object.entries(node.attributes).map(([name, value]) => message(5, encodeAttribute(name, value))),
    text(7, node.domain),
  ];
}

/** TensorProto: dims = 1, data_type = 2, name = 8, raw_data = 9 */
function encodeInitializer(tensor: Initializer): Part[] {
  const elements = tensor.dims.reduce((product, dim) => product * dim, 1);
  if (elements * ELEMENT_BYTES[tensor.type] !== tensor.bytes.length)
    throw new RangeError(
      `${tensor.name}: ${tensor.bytes.length} bytes for [${tensor.dims.join(', ')}] ${tensor.type}`,
    );
  return [
    ...tensor.dims.map((dim) => integer(1, dim)),
    integer(2, DATA_TYPE[tensor.type]),
    text(8, tensor.name),
    delimited(9, raw(tensor.bytes)),
  ];
}

/**
 * ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; TypeProto.Tensor: elem_type = 1, shape = 2;
 * TensorShapeProto: dim = 1; Dimension: dim_value = 1, dim_param = 2
 */
function encodeValueInfo(value: ValueInfo): Part[] {
  const shape = value.dims.map((dim) =>
    message(1, [typeof dim === 'number' ? integer(1, dim) : text(2, dim)]),
  );
  return [text(1, value.name), message(2, [message(1, [integer(1, DATA_TYPE.float32), message(2, shape)])])];
}

/** GraphProto: node = 1, name = 2, initializer = 5, input = 11, output = 12 */
function encodeGraph(graph: Graph): Part[] {
  return [
    ...graph.nodes.map((node) => message(1, encodeNode(node))),
    text(2, graph.name),
    ...graph.initializers.map((tensor) => message(5, encodeInitializer(tensor))),
    ...graph.inputs.map((value) => message(11, encodeValueInfo(value))),
    ...graph.outputs.map((value) => message(12, encodeValueInfo(value))),
  ];
}

/**
 * The model's bytes, as `onnx.ts` hands them to a session. ModelProto: ir_version = 1, producer_name = 2,
 * graph = 7, opset_import = 8; OperatorSetIdProto: domain = 1, version = 2.
 * @throws RangeError when an initializer's bytes are not what its dims say
 */
export function encodeModel(graph: Graph): Uint8Array {
  const model = sequence([
    integer(1, IR_VERSION),
    text(2, 'longleaf'),
    message(7, encodeGraph(graph)),
    message(8, [text(1, ''), integer(2, ONNX_OPSET)]),
    message(8, [text(1, 'com.microsoft'), integer(2, CONTRIB_OPSET)]),
  ]);
  const bytes = new Uint8Array(model.length);
  model.write(bytes, 0);
  return bytes;
}

/** An f32 array as an initializer's bytes: the same memory, no copy (all our machines are little-endian). */
export function floatBytes(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
