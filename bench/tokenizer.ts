/**
 * Tokens per second of our tokenizers, on one thread and on two, beside the Python package `tokenizers` where a
 * Python with it is named: `node boot.mjs run bench/tokenizer.ts MODEL.gguf TEXT… [--python PYTHON TOKENIZER.json]`.
 * Each figure is the best of five runs over the texts, caches warm, as when a library is read.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openGguf } from '../src/main/formats/index.ts';
import { createTokenizer } from '../src/main/tokenizer/index.ts';

const RUNS = 5;

interface Work {
  readonly model: string;
  readonly texts: readonly string[];
}

interface Result {
  readonly tokens: number;
  readonly seconds: number;
}

async function measure({ model, texts }: Work): Promise<Result> {
  const file = await openGguf(model);
  await file.close();
  const tokenizer = createTokenizer(file.metadata);
  let best: Result = { tokens: 0, seconds: Infinity };
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    const tokens = texts.reduce((sum, text) => sum + tokenizer.encode(text).length, 0);
    const seconds = (performance.now() - start) / 1000;
    if (seconds < best.seconds) best = { tokens, seconds };
  }
  return best;
}

function inWorker(work: Work): Promise<Result> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: work });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

const python = `
import sys, time, tokenizers
t = tokenizers.Tokenizer.from_file(sys.argv[1])
texts = [open(p, encoding="utf-8", errors="replace").read() for p in sys.argv[2:]]
best = 1e9
for _ in range(${String(RUNS)}):
    s = time.perf_counter(); n = sum(len(t.encode(x, add_special_tokens=False).ids) for x in texts); best = min(best, time.perf_counter() - s)
print(n / best)
`;

function split(paths: readonly string[]): { texts: string[]; python: string[] } {
  const at = paths.indexOf('--python');
  const files = at < 0 ? paths : paths.slice(0, at);
  return { texts: [...files], python: at < 0 ? [] : paths.slice(at + 1) };
}

if (isMainThread) {
  const [model = '', ...rest] = process.argv.slice(2);
  const { texts: paths, python: command } = split(rest);
  const texts = paths.map((path) => readFileSync(path, 'utf8'));
  const perSecond = ({ tokens, seconds }: Result): number => Math.round(tokens / seconds);
  const one = await measure({ model, texts });
  const pair = await Promise.all([inWorker({ model, texts }), inWorker({ model, texts })]);
  const [interpreter, vocabulary] = command;
  const peer =
    interpreter === undefined || vocabulary === undefined
      ? null
      : Math.round(
          Number(execFileSync(interpreter, ['-c', python, vocabulary, ...paths], { encoding: 'utf8' })),
        );
  const result = {
    tokens: one.tokens,
    oneThread: perSecond(one),
    twoThreads: pair.reduce((sum, each) => sum + perSecond(each), 0),
    pythonTokenizers: peer,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
} else {
  parentPort?.postMessage(await measure(workerData as Work));
}
