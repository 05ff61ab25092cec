/** The terminal program: command line in, exit code out. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import type { App as AppOwner } from '../app/index.ts';
import { openSession, type Session } from '../host/index.ts';
import { globalOptions, parse, usageError, type Parsed } from './arguments.ts';
import { engineOptions, type Command, type Context } from './context.ts';
import { leaveOn, listenForInterrupts } from './interrupts.ts';
import { createOutput, formatError, plural, printable, type Output } from './output.ts';
import { createProgress } from './progress.ts';

/** Each loads only what it needs. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  ask: async () => (await import('./commands/ask.ts')).ask,
  bench: async () => (await import('./commands/bench.ts')).bench,
  chat: async () => (await import('./commands/chat.ts')).chat,
  conversations: async () => (await import('./commands/conversations.ts')).conversations,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  library: async () => (await import('./commands/library.ts')).library,
  logits: async () => (await import('./commands/logits.ts')).logits,
  models: async () => (await import('./commands/models.ts')).models,
  serve: async () => (await import('./commands/serve.ts')).serve,
  state: async () => (await import('./commands/state.ts')).state,
  tokenize: async () => (await import('./commands/tokenize.ts')).tokenize,
};

/** Runs one command and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const interrupts = listenForInterrupts();
  const output = createOutput(process.stdout, process.stderr);
  const progress = createProgress(process.stderr);
  leaveWithoutReader();
  let code = 0;
  try {
    await dispatch(argv, { output, progress, interrupts });
  } catch (error) {
    code = exitCode(error);
    progress.clear();
    if (interrupts.exitCode === null) output.note(formatError(error));
    else output.note('Interrupted. What was saved stays.');
  }
  progress.clear();
  // What the command left open (a worker, a socket) must not keep the terminal waiting.
  process.stdout.write('', () => process.exit(interrupts.exitCode ?? code));
}

function exitCode(error: unknown): number {
  if (!(error instanceof AppError)) return 1;
  if (error.code === 'usage') return 2;
  return error.code === 'interrupted' ? 130 : 1;
}

/** `longleaf … | head`: when nobody reads the result any more, there is nothing left to do. */
function leaveWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      throw error;
    });
}

type Terminal = Pick<Context, 'output' | 'progress' | 'interrupts'>;

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<void> {
  const at = commandIndex(argv);
  const name = argv[at];
  if (argv.slice(0, at).includes('--version')) return terminal.output.line(version());
  if (argv.some((arg) => arg === '--help' || arg === '-h') || name === 'help')
    return terminal.output.line((await import('./help.ts')).help);
  const load = Object.hasOwn(commands, name ?? 'chat') ? commands[name ?? 'chat'] : undefined;
  if (!load) throw usageError(`There is no command ${name ?? ''}.`);
  const command = await load();
  const args = parse(argv.toSpliced(at, 1), command.options ?? {}, command.list);
  const context = await createContext(name ?? 'chat', args, terminal);
  try {
    const work = command.run(args, context);
    await (command.stopsItself ? work : leaveOn(terminal.interrupts.signal, work));
  } finally {
    await context.session.end();
  }
}

/** Position of the first argument that is neither a global option nor its value; the end when there is none. */
function commandIndex(argv: readonly string[]): number {
  for (let index = 0; index < argv.length; index++) {
    const arg = argv[index] ?? '';
    if (!arg.startsWith('-')) return index;
    const option = Object.entries(globalOptions).find(([name]) => arg === `--${name}`)?.[1];
    if (option?.type === 'string') index += 1;
  }
  return argv.length;
}

async function createContext(name: string, args: Parsed, terminal: Terminal): Promise<Context> {
  const { defaultDataFolder } = await import('../app/models.ts');
  const data = args.text('data');
  const dataFolder = data === undefined ? defaultDataFolder() : resolve(data);
  const engine = engineOptions(args, process.env);
  return {
    ...terminal,
    dataFolder,
    json: args.flag('json'),
    engine,
    session: lateSession(dataFolder, name, engine, terminal),
  };
}

/** The app is loaded when this process becomes the owner of the data folder, not before. */
function lateSession(
  dataFolder: string,
  command: string,
  engine: Context['engine'],
  { output, interrupts }: Terminal,
): Session {
  return openSession({
    dataFolder,
    version: version(),
    createApp: async () => {
      const { openApp } = await import('../app/index.ts');
      const app = await openApp({
        dataFolder,
        onNote: (note) => output.note(`note: ${printable(note)}`),
        ...(command === 'ask' || command === 'chat' ? { firstEngine: engine } : {}),
      });
      if (command !== 'library') await takeUpUnfinished(app, command, output, interrupts.signal);
      return app;
    },
    onWaiting: (calls) =>
      output.note(`Waiting for ${plural(calls, 'command')} of other terminals; Ctrl-C ends without them.`),
  });
}

/** Commands that stay: what was cut off goes on beside them. */
const staying: readonly string[] = ['chat', 'serve'];

/** Work that a kill cut off goes on beside a chat or a page; a short command only says that it waits. */
async function takeUpUnfinished(
  app: AppOwner,
  command: string,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  const unfinished = await app.unfinished();
  for (const { name, kind } of unfinished) {
    const what = { add: 'Adding to', update: 'Updating', read: 'Reading' }[kind];
    const how = staying.includes(command)
      ? 'it goes on now'
      : `\`longleaf library update ${name}\` goes on with it`;
    output.note(`note: ${what} ${printable(name)} was cut off; ${how}.`);
  }
  if (!staying.includes(command) || unfinished.length === 0) return;
  // Beside the chat; what fails is said, and tried again by the next one.
  app.resume().catch((error: unknown) => signal.aborted || output.note(formatError(error)));
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { version: text } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  return text;
}
