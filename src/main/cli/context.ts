/** What every command gets. */
import { resolve } from 'node:path';
import type { ParseArgsOptionsConfig } from 'node:util';
import type { Session } from '../host/index.ts';
import { nameOrPath, usageError, type Parsed } from './arguments.ts';
import type { Interrupts } from './interrupts.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';

export interface Context {
  readonly dataFolder: string;
  readonly json: boolean;
  readonly output: Output;
  readonly progress: Progress;
  readonly interrupts: Interrupts;
  readonly engine: EngineOptions;
  /** the use cases: opened by the first call, ended by the main program */
  readonly session: Session;
}

/** The global options that choose an engine, as the contract takes them. */
export interface EngineOptions {
  readonly model?: string;
  /** absolute path */
  readonly adapter?: string;
  readonly plan?: string;
  readonly backend?: 'auto' | 'cpu' | 'webgpu' | 'reference';
  /** part of the name of a graphics adapter */
  readonly device?: string;
  /** epoch ms of the process that the user started */
  readonly startedAt: number;
}

export interface Command {
  /** stops by itself when the user interrupts, and tidies up; any other command is simply left */
  readonly stopsItself?: true;
  /** runs to its end; throws AppError */
  run(args: Parsed, context: Context): Promise<void>;
  /** beyond the global ones */
  readonly options?: ParseArgsOptionsConfig;
  /** the option that takes all that follows it */
  readonly list?: string;
}

export function engineOptions(args: Parsed, env: NodeJS.ProcessEnv): EngineOptions {
  const model = args.text('model') ?? (env['LONGLEAF_MODEL'] ? resolve(env['LONGLEAF_MODEL']) : undefined);
  const adapter = args.text('adapter');
  const plan = args.text('plan');
  const backend = args.oneOf('backend', ['auto', 'cpu', 'webgpu', 'reference']);
  const device = args.text('device');
  const startedAt = Number(env['LONGLEAF_STARTED_AT'] ?? performance.timeOrigin);
  if (!Number.isFinite(startedAt)) throw usageError('LONGLEAF_STARTED_AT is not a number.');
  return {
    ...(model === undefined ? {} : { model: nameOrPath(model, '.gguf') }),
    ...(adapter === undefined ? {} : { adapter: resolve(adapter) }),
    ...(plan === undefined ? {} : { plan: nameOrPath(plan, '.json') }),
    ...(backend === undefined ? {} : { backend }),
    ...(device === undefined ? {} : { device }),
    startedAt,
  };
}
