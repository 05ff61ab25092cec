/**
 * What travels between a client and the process that runs the use cases. One frame is one JSON object; a port
 * carries frames in order, both ways.
 *
 * A stream sends an item only against credit: `call` brings the first, `credit` more. So a reader that stops
 * reading holds back what is sent to it, and nothing else.
 */
import * as v from 'valibot';
import type { WireError } from '../errors.ts';

const id = v.pipe(v.number(), v.integer(), v.minValue(1));
const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const wireError = v.object({
  code: v.picklist([
    'usage',
    'not-found',
    'conflict',
    'invalid-input',
    'unsupported',
    'model-missing',
    'context-full',
    'disk-full',
    'memory-full',
    'busy',
    'interrupted',
    'engine-lost',
    'corrupt',
    'internal',
  ]),
  message: v.string(),
  hint: v.exactOptional(v.string()),
  details: v.exactOptional(v.record(v.string(), v.unknown())),
}) satisfies v.GenericSchema<WireError>;

const frameSchema = v.variant('kind', [
  /** client to server */
  v.object({ kind: v.literal('call'), id, method: v.string(), args: v.unknown(), credit: count }),
  v.object({ kind: v.literal('credit'), id, count }),
  v.object({ kind: v.literal('cancel'), id }),
  /** server to client */
  v.object({ kind: v.literal('ok'), id, value: v.unknown() }),
  v.object({ kind: v.literal('item'), id, value: v.unknown() }),
  v.object({ kind: v.literal('end'), id }),
  v.object({ kind: v.literal('err'), id, error: wireError }),
  /** the server is leaving: of the calls that it has, these will still be answered; it begins no others */
  v.object({ kind: v.literal('bye'), running: v.array(id) }),
]);

export type Frame = v.InferOutput<typeof frameSchema>;

/** One end of a connection. */
export interface Port {
  /** after `close` it does nothing */
  post(frame: Frame): void;
  /** set once, before the first frame can arrive */
  onFrame(listener: (frame: Frame) => void): void;
  /** called once, whichever end closes; at once when the port is closed already */
  onClose(listener: () => void): void;
  close(): void;
}

/** Bytes from outside as a frame; null for anything else. */
export function parseFrame(json: string): Frame | null {
  try {
    const parsed = v.safeParse(frameSchema, JSON.parse(json));
    return parsed.success ? parsed.output : null;
  } catch {
    return null; // not JSON
  }
}
