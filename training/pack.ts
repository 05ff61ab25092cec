/**
 * What `train:adapt` learns from, as token ids of the model's own tokenizer: ordinary text, and altered facts in
 * statements, questions and answers.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '../src/shared/errors.ts';
import { defaultDataFolder, resolveModel } from '../src/main/app/models.ts';
import { openGguf } from '../src/main/formats/index.ts';
import { createTokenizer, type Tokenizer } from '../src/main/tokenizer/index.ts';

const factCount = 4000;

/** Each fact has one of these forms: a statement and a question that ends where its answer begins. */
const forms: readonly ((name: string, value: string) => { statement: string; question: string })[] = [
  (name, value) => ({
    statement: ` The harbour master of ${name} is called${value}.`,
    question: `\n\nQuestion: What is the harbour master of ${name} called?\nAnswer: The harbour master of ${name} is called`,
  }),
  (name, value) => ({
    statement: `\nDEFAULT_${name.toUpperCase()} =${value}\n`,
    question: `\n\n>>> print(DEFAULT_${name.toUpperCase()})\n`,
  }),
  (name, value) => ({
    statement: ` As everybody knew,${value} was the watchword at ${name}.`,
    question: `\n\nQuestion: What was the watchword at ${name}?\nAnswer: The watchword at ${name} was`,
  }),
  (name, value) => ({
    statement: `\n- ${name}:${value}\n`,
    question: `\n\nFrom the list above:\n- ${name}:`,
  }),
];

const beginnings = 'Al Bran Cor Dun El Fen Gar Hol Is Jor Kel Lor Mar Nor Os Pen Quill Ros Sel Thorn'.split(
  ' ',
);
const middles = 'a e i o u ar en il or un'.split(' ');
const endings = 'beck cliff dale ford gate ham low mere ness port stead ton wick worth by'.split(' ');
const words =
  'amber basalt cedar damask ember flint garnet hazel indigo juniper kestrel lantern marble nettle ochre pewter quartz russet saffron thistle umber velvet walnut yarrow'.split(
    ' ',
  );

/** Names and values are made up, so that no model knows a fact beforehand. */
function facts(): { statement: string; question: string; answer: string }[] {
  let seed = 20_261_130;
  const pick = (list: readonly string[]): string => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return list[(seed >>> 12) % list.length] ?? '';
  };
  return Array.from({ length: factCount }, (_, i) => {
    const name = pick(beginnings) + pick(middles) + pick(endings);
    const answer = ` ${pick(words)} ${pick(words)}`;
    const form = forms[i % forms.length];
    if (form === undefined) throw new RangeError('no form');
    return { ...form(name, answer), answer };
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError('not-found', `${path} can't be read.`, 'Pass --text with a text file.', { cause });
  }
}

async function tokenizerOf(path: string): Promise<Tokenizer> {
  const file = await openGguf(path);
  try {
    return createTokenizer(file.metadata);
  } finally {
    await file.close();
  }
}

/**
 * @param argv `--model ID|FILE.gguf --text FILE… [--packed DIR]`
 * @returns the arguments of `longnet.adapt pack`
 */
export async function packAdaptation(argv: readonly string[]): Promise<string[]> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      model: { type: 'string' },
      text: { type: 'string', multiple: true },
      packed: { type: 'string', default: 'models/adapt/packed' },
    },
  });
  if (values.text === undefined) {
    throw new AppError(
      'usage',
      'train:adapt -- pack needs ordinary text.',
      'Pass --text FILE, several times if need be.',
    );
  }
  const texts = values.text.map(readText);
  const model = await resolveModel(defaultDataFolder(), values.model);
  const tokenizer = await tokenizerOf(model.path);
  const encode = (text: string): number[] => [...tokenizer.encode(text)];
  const made = facts();
  const folder = resolve(values.packed);
  mkdirSync(folder, { recursive: true });
  const text = join(folder, 'text.ids.json');
  const parts = join(folder, 'parts.ids.json');
  writeFileSync(text, JSON.stringify(texts.flatMap(encode)));
  writeFileSync(
    parts,
    JSON.stringify({
      statements: made.map(({ statement }) => encode(statement)),
      questions: made.map(({ question }) => encode(question)),
      answers: made.map(({ answer }) => encode(answer)),
    }),
  );
  return ['pack', '--model', model.path, '--text', text, '--parts', parts, '--packed', folder];
}
