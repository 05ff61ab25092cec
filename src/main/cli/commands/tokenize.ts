/** `tokenize [FILE|-] [--lines] [--add-bos]`: ids as JSON. Special tokens in the text are text. */
import { readFile } from 'node:fs/promises';
import { AppError } from '../../../shared/errors.ts';
import { resolveModel } from '../../app/models.ts';
import { openGguf } from '../../formats/index.ts';
import { createTokenizer, type Tokenizer } from '../../tokenizer/index.ts';
import { expectPositionals } from '../arguments.ts';
import type { Command } from '../context.ts';

export const tokenize: Command = {
  options: { lines: { type: 'boolean' }, 'add-bos': { type: 'boolean' } },
  async run(args, { dataFolder, engine, output }) {
    const [file = '-'] = expectPositionals(args, args.positionals.length > 0 ? ['FILE'] : []);
    const tokenizer = await tokenizerOf(dataFolder, engine.model);
    const addBos = args.flag('add-bos');
    const ids = (text: string) => [...tokenizer.encode(text, { addBos })];
    if (!args.flag('lines')) return output.json(ids(decode(await bytesOf(file), file)));
    let number = 0;
    for await (const line of lines(file)) {
      number += 1;
      if (line === '') continue;
      output.json(ids(jsonString(line, number)));
    }
  },
};

async function tokenizerOf(dataFolder: string, model: string | undefined): Promise<Tokenizer> {
  const { path } = await resolveModel(dataFolder, model);
  const file = await openGguf(path);
  try {
    return createTokenizer(file.metadata);
  } finally {
    await file.close();
  }
}

async function bytesOf(file: string): Promise<Uint8Array> {
  if (file !== '-') return readFile(file).catch((error: Error) => Promise.reject(unreadable(file, error)));
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Lines as they come. Not with node:readline, which also splits at U+2028: legal inside a JSON string. */
async function* lines(file: string): AsyncGenerator<string> {
  if (file !== '-') {
    yield* decode(await bytesOf(file), file).split('\n');
    return;
  }
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let rest = '';
  for await (const chunk of process.stdin) {
    const parts = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
  yield rest + decoder.decode();
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const name = file === '-' ? 'The input' : file;
    throw new AppError(
      'invalid-input',
      `${name} is not UTF-8 text.`,
      'Convert it first, for example with iconv.',
      {
        cause,
      },
    );
  }
}

function jsonString(line: string, number: number): string {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'string') return value;
  } catch {
    // said below
  }
  throw new AppError(
    'invalid-input',
    `Line ${number} is not a JSON string.`,
    'With --lines each line is one JSON string, such as "a\\nb".',
  );
}

function unreadable(file: string, cause: Error): AppError {
  return new AppError(
    'not-found',
    `${file} cannot be read: ${cause.message}.`,
    'Check the path and its permissions.',
    {
      cause,
    },
  );
}
