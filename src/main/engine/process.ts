/**
 * The engine process: puts `EngineService` behind the IPC channel that the core opened. It ends when the core
 * closes it or is gone; Ctrl-C in a terminal reaches both, and is the core's to handle.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { AppError, toWire } from '../../shared/errors.ts';
import type { GgufFile } from '../formats/index.ts';
import { openModel } from '../formats/index.ts';
import type { GpuRuntime, GpuRuntimeOptions } from './gpu/index.ts';
import {
  argumentSchemas,
  requestSchema,
  startSchema,
  type Arguments,
  type ItemOf,
  type Method,
  type Reply,
  type Results,
  type StartOptions,
} from './protocol.ts';
import type { Runtime } from './runtime.ts';
import { EngineService } from './service.ts';
import { StateStore } from './state/store.ts';

/** Requests that may wait for the engine. */
const QUEUE_LIMIT = 64;

interface Call<M extends Method> {
  readonly signal: AbortSignal;
  /** resolves when the channel has taken the item */
  item(value: ItemOf<M>): Promise<void>;
}

type Handlers = {
  readonly [M in Method]: (
    service: EngineService,
    given: Arguments[M],
    call: Call<M>,
  ) => Promise<Results[M]> | Results[M];
};

const running = new Map<number, AbortController>();

const handlers: Handlers = {
  open: (service, given, { signal }) => service.open(given, { signal }),
  prefill: (service, { state, ids, priority }, { signal, item }) =>
    service.prefill(state, ids, priority, {
      signal,
      onProgress: (done) => void item({ done }),
      onPlace: (place) => void item({ place }),
    }),
  generate: async (service, given, { signal, item }) => {
    await service.generate(given, (token) => void item(token), { signal });
    return undefined;
  },
  score: (service, { state, ids, priority }, { signal }) => service.score(state, ids, priority, { signal }),
  logits: async (service, { ids, plan, last }, { signal, item }) => {
    await service.logits(ids, plan, last, item, { signal });
    return undefined;
  },
  openSynthetic: (service, { plan, position, seed }, { signal }) =>
    service.openSynthetic(plan, position, seed, { signal }),
  fork: (service, { state }, { signal }) => service.fork(state, { signal }),
  release: (service, { state }) => {
    service.release(state);
    return undefined;
  },
  snapshot: (service, { state, label }, { signal }) => service.snapshot(state, label, { signal }),
  stored: (service, { label }) => service.stored(label),
  findStored: (service, { plan, ids }) => service.findStored(plan, ids),
  removeStored: (service, { label }) => service.removeStored(label),
  memory: (service) => service.memory(),
  close: async (service) => {
    for (const controller of running.values()) controller.abort();
    await service.close();
    return undefined;
  },
};

async function main(): Promise<void> {
  // Without the core nobody needs this process: a killed core leaves no orphan.
  process.on('disconnect', () => process.exit(0));
  if (!process.connected) process.exit(0);
  process.on('SIGINT', () => undefined);
  try {
    const service = await startService(parseStart(process.argv[2]));
    process.on('message', (message) => void receive(service, message));
    await send({ type: 'ready', info: service.info });
  } catch (error) {
    await send({ type: 'failed', error: toWire(error) });
    process.exit(1);
  }
}

async function startService(options: StartOptions): Promise<EngineService> {
  const { runtime, reason } = await openRuntime(options);
  const store =
    options.dataFolder === null
      ? null
      : new StateStore(options.dataFolder, {
          maxBytes: options.maxDiskGB * 1e9,
          onNote: (note) => void send({ type: 'note', note }),
        });
  return new EngineService({
    runtime,
    store,
    modelHash: options.modelHash,
    autoReason: reason,
    device: runtime.device ?? cpus()[0]?.model ?? process.arch,
    maxMemoryBytes: options.maxMemoryMB * 1e6,
    queueLimit: QUEUE_LIMIT,
    readyMs: performance.now(),
    ...(options.maxRows === undefined ? {} : { maxRows: options.maxRows }),
  });
}

/** Loads the chosen backend's code, and no other. */
async function openRuntime(
  options: StartOptions,
): Promise<{ readonly runtime: Runtime; readonly reason: string | null }> {
  const { backend, modelPath, adapterPath, dataFolder } = options;
  const gguf = await openModel(modelPath, adapterPath);
  try {
    if (backend === 'reference') {
      const { createReferenceRuntime } = await import('./reference/index.ts');
      return { runtime: await createReferenceRuntime(gguf), reason: null };
    }
    if (backend === 'cpu') {
      return { runtime: await openProcessor(gguf, options), reason: options.autoReason ?? null };
    }
    const { environmentOptions } = await import('./gpu/environment-options.ts');
    const { device } = options;
    const card = { ...environmentOptions(process.env), ...(device === undefined ? {} : { device }) };
    const place = { modelPath, dataFolder, ...(adapterPath === undefined ? {} : { adapterPath }) };
    if (backend === 'webgpu') {
      const { openTested } = await import('./gpu/index.ts');
      const { openDevices } = await import('./gpu/sharding/index.ts');
      const open = (one: GpuRuntimeOptions): Promise<GpuRuntime> => openTested(gguf, one, dataFolder);
      return { runtime: await openDevices(card, place, open), reason: null };
    }
    const { openAuto } = await import('./auto.ts');
    const openProcessorHere = (): Promise<Runtime> => openProcessor(gguf, options);
    return await openAuto(gguf, { card, place, openProcessor: openProcessorHere });
  } finally {
    await gguf.close();
  }
}

async function openProcessor(
  gguf: GgufFile,
  { adapterPath, modelHash, dataFolder, threads }: StartOptions,
): Promise<Runtime> {
  const { createCpuRuntime } = await import('./cpu/index.ts');
  // Packed weights lie beside the model under its name: those of a model with an adapter would replace its own.
  const packs = dataFolder !== null && adapterPath === undefined;
  return createCpuRuntime(gguf, {
    dataFolder,
    ...(threads === undefined ? {} : { threads: { rows: threads, columns: threads } }),
    ...(packs ? { packed: { modelHash, folder: join(dataFolder, 'models') } } : {}),
  });
}

async function receive(service: EngineService, message: unknown): Promise<void> {
  const request = v.safeParse(requestSchema, message);
  if (!request.success) return; // Nobody waits for an answer without an id.
  const { output } = request;
  if (output.type === 'cancel') {
    running.get(output.id)?.abort();
    return;
  }
  const { id, method } = output;
  const controller = new AbortController();
  if (method !== 'close') running.set(id, controller);
  try {
    const value = await dispatch(service, method, output.arguments, {
      signal: controller.signal,
      item: (item) => send({ type: 'item', id, value: item }),
    });
    await send({ type: 'ok', id, value });
  } catch (error) {
    await send({ type: 'err', id, error: toWire(error) });
    // What it ran on is gone, and with it every live state: the next one starts from what is stored.
    if (error instanceof AppError && error.code === 'engine-lost') process.exit(1);
  } finally {
    running.delete(id);
  }
  if (method === 'close') process.exit(0);
}

async function dispatch<M extends Method>(
  service: EngineService,
  method: M,
  given: unknown,
  call: Call<M>,
): Promise<Results[M]> {
  return handlers[method](service, checked(method, given), call);
}

function checked<M extends Method>(method: M, given: unknown): Arguments[M] {
  const result = v.safeParse(argumentSchemas[method], given, { abortEarly: true });
  // The table pairs each method with the schema of its arguments; TypeScript loses the pairing for a variable M.
  if (result.success) return result.output as Arguments[M];
  const [issue] = result.issues;
  throw new AppError('usage', `engine.${method}: ${v.getDotPath(issue) ?? 'arguments'}: ${issue.message}`);
}

function parseStart(argument: string | undefined): StartOptions {
  const result = v.safeParse(startSchema, JSON.parse(argument ?? 'null'));
  if (result.success) return result.output;
  throw new AppError('usage', `The engine process was started wrongly: ${result.issues[0].message}`);
}

/** A reply that can't be sent has nobody to read it: 'disconnect' ends the process. */
function send(reply: Reply): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(reply, () => resolve());
  });
}

await main();
