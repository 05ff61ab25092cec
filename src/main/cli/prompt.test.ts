import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { prompt } from './prompt.ts';

function terminal() {
  const input = new PassThrough();
  const output = new PassThrough();
  let shown = '';
  output.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const ask = (signal = new AbortController().signal) => prompt(signal, input, output);
  return { input, ask, shown: () => shown };
}

it('each line is read once and echoed once, also the second one', async () => {
  // A prompt that stayed attached doubled every key, and failed at the next Ctrl-C.
  const { input, ask, shown } = terminal();
  for (const word of ['first', 'second']) {
    const line = ask();
    input.write(`${word}\r`);
    expect(await line).toBe(word);
  }
  expect(shown().match(/second/g)).toHaveLength(1);
});

it('Ctrl-C twice leaves, once does not', async () => {
  const { input, ask, shown } = terminal();
  const line = ask();
  input.write('\u0003');
  input.write('still here\r');
  expect(await line).toBe('still here');
  expect(shown()).toContain('Ctrl-C again leaves');
  const next = ask();
  input.write('\u0003\u0003');
  expect(await next).toBeNull();
});

it('Ctrl-D and the end of the program leave', async () => {
  const { input, ask } = terminal();
  const line = ask();
  input.write('\u0004');
  expect(await line).toBeNull();
  const abort = new AbortController();
  const next = ask(abort.signal);
  abort.abort();
  expect(await next).toBeNull();
});
