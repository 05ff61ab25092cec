import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { expectPositionals, nameOrPath, parse } from './arguments.ts';

const usage = (message: RegExp) =>
  expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) as string }) as Error;

it('numbers: whole, in range, with k and M', () => {
  const options = { tokens: { type: 'string' } } as const;
  expect(parse(['--tokens', '128k'], options).integer('tokens', 1, 1e9)).toBe(131_072);
  expect(parse(['--tokens=1M'], options).integer('tokens', 1, 1e9)).toBe(1_048_576);
  expect(parse([], options).integer('tokens', 1, 9)).toBeUndefined();
  for (const bad of ['0', '10', '1.5', 'x', '1e3', '', '0x3'])
    expect(() => parse([`--tokens=${bad}`], options).integer('tokens', 1, 9), bad).toThrow(usage(/--tokens/));
});

it('an option that takes a list takes everything up to the next option', () => {
  const options = { add: { type: 'string', multiple: true }, seed: { type: 'string' } } as const;
  const args = parse(['why?', '--add', 'a', 'b', '--seed', '1', 'c', '--add', 'd'], options, 'add');
  expect(args.texts('add')).toEqual(['a', 'b', 'd']);
  expect(args.positionals).toEqual(['why?', 'c']);
});

it('unknown options, values of flags and missing values are wrong usage', () => {
  for (const argv of [['--nope'], ['--json=1'], ['--data'], ['--backend', 'gpu']])
    expect(() => parse(argv, {}).oneOf('backend', ['cpu']), argv.join(' ')).toThrow(usage(/./));
});

it('positionals: too few are named, too many are shown', () => {
  expect(() => expectPositionals(parse(['a'], {}), ['NAME', 'FILE'])).toThrow(usage(/FILE is missing/));
  expect(() => expectPositionals(parse(['a', 'b'], {}), ['NAME'])).toThrow(usage(/one argument too many: b/));
});

it('a path becomes absolute, a name stays', () => {
  expect(nameOrPath('window', '.json')).toBe('window');
  expect(nameOrPath('./plan.json', '.json')).toBe(resolve('plan.json'));
  expect(nameOrPath('package.json', '.json')).toBe(resolve('package.json'));
  expect(nameOrPath('not-there.gguf', '.gguf')).toBe('not-there.gguf');
});
