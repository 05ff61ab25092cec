/**
 * Packs what `bench:gpu` needs for a machine without network and without Node into pieces of at most 50 MB:
 *
 *   npm run pack:gpu [-- --out FOLDER --piece-mb 50 --no-model]
 *
 * Two archives, because some links carry one piece at a time: `program` (Node, Dawn, the Vulkan loader, the sources)
 * and `model` (the default model, and what the processor answers with it). On the machine, with the pieces in one
 * folder: `sh unpack.sh [TARGET]`, then `sh TARGET/run.sh [options of bench:gpu]`. The model may be left out.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { geometryOf, preset, startEngine } from '../src/main/engine/index.ts';
import { openGguf } from '../src/main/formats/index.ts';
import { createTokenizer } from '../src/main/tokenizer/index.ts';
import { benchModel, environment } from './environment.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'dist/gpu' },
    'piece-mb': { type: 'string', default: '50' },
    'no-model': { type: 'boolean', default: false },
  },
});
const root = resolve(import.meta.dirname, '..');
const out = resolve(values.out);
const pieceBytes = Number(values['piece-mb']) * 1e6;
/** Tokens of the answer that is compared. */
const answerTokens = 64;

/** What bench/gpu.ts reaches from its imports. */
const sources = [
  ...['package.json', 'bench/gpu.ts', 'bench/gpu', 'bench/machine.ts', 'resources'],
  ...['src/shared', 'src/main/engine', 'src/main/formats'],
];
const packages = ['valibot', 'webgpu'];

/** Archives are unpacked by tar with xz, or where there is no xz by Python. A piece that comes later adds to the rest. */
const unpackScript = `#!/bin/sh
# sh unpack.sh [TARGET]: the pieces beside this file become TARGET (default: ./longleaf-gpu).
set -e
here=$(cd "$(dirname "$0")" && pwd)
target=\${1:-longleaf-gpu}
mkdir -p "$target"
for name in program model; do
  ls "$here/$name".tar.xz.* >/dev/null 2>&1 || continue
  cat "$here/$name".tar.xz.* >"$target/$name.tar.xz"
  if command -v xz >/dev/null; then tar -C "$target" -xJf "$target/$name.tar.xz"
  else python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$target/$name.tar.xz" "$target"; fi
  rm "$target/$name.tar.xz"
done
`;
const runScript = `#!/bin/sh
# sh run.sh [options of bench:gpu]: results in results/gpu.json beside this file, unless --out says otherwise.
here=$(cd "$(dirname "$0")" && pwd)
# the machine's own loader first
[ -e "$here/lib" ] && export LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib"
if [ -z "\${VK_DRIVER_FILES:-}\${VK_ICD_FILENAMES:-}" ]; then
  for icd in /usr/share/vulkan/icd.d/nvidia_icd.json /etc/vulkan/icd.d/nvidia_icd.json \\
    /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json; do
    [ -e "$icd" ] && export VK_DRIVER_FILES="$icd" && break
  done
fi
exec "$here/bin/node" "$here/bench/gpu.ts" --out "$here/results/gpu.json" \\
  --model "$here/model/model.gguf" --expected "$here/model/expected.json" "$@"
`;

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), 'longleaf-pack-'));
try {
  pack('program', packProgram(join(folder, 'program')));
  if (!values['no-model']) pack('model', await packModel(join(folder, 'model')));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
writeFileSync(join(out, 'unpack.sh'), unpackScript);
for (const name of readdirSync(out)) console.log(`${name}: ${megabytes(statSync(join(out, name)).size)} MB`);

function packProgram(target: string): string {
  for (const source of sources) copy(join(root, source), join(target, source), isNeeded);
  for (const name of packages) {
    copy(join(root, 'node_modules', name), join(target, 'node_modules', name), isForThisPlatform);
  }
  mkdirSync(join(target, 'bin'));
  copyFileSync(process.execPath, join(target, 'bin', 'node'));
  const loader = vulkanLoader();
  if (loader === null) console.log('note: no Vulkan loader here; the machine must bring its own.');
  else {
    mkdirSync(join(target, 'lib'));
    copyFileSync(loader, join(target, 'lib', 'libvulkan.so.1'));
  }
  writeFileSync(join(target, 'run.sh'), runScript);
  writeFileSync(join(target, 'commit'), environment().commit);
  return target;
}

async function packModel(target: string): Promise<string> {
  const model = await benchModel();
  mkdirSync(join(target, 'model'), { recursive: true });
  copyFileSync(model.path, join(target, 'model', 'model.gguf'));
  writeFileSync(join(target, 'model', 'expected.json'), JSON.stringify(await expectedAnswer(model)));
  return target;
}

/** The processor's greedy answer, token by token. */
async function expectedAnswer({ path, hash }: { path: string; hash: string }): Promise<object> {
  const gguf = await openGguf(path);
  const prompt = createTokenizer(gguf.metadata).encode(
    'Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse,',
  );
  await gguf.close();
  const engine = await startEngine({
    ...{
      modelPath: path,
      modelHash: hash,
      backend: 'cpu',
      dataFolder: null,
      maxMemoryMB: 1000,
      maxDiskGB: 1,
    },
  });
  try {
    const plan = preset('window', geometryOf(engine.info.hyperparameters));
    const { state } = await engine.open({ plan, ids: new Int32Array(0), useStored: false });
    await engine.prefill(state, prompt, { priority: 'chat' });
    const sampling = {
      ...{ temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, repetitionWindow: 0, seed: 1 },
      maxTokens: answerTokens,
    };
    const answer: number[] = [];
    for await (const { id } of engine.generate({ state, sampling, stop: [], priority: 'chat' }))
      answer.push(id);
    return { prompt: [...prompt], answer, variant: engine.info.variant };
  } finally {
    await engine.close();
  }
}

function copy(from: string, to: string, filter: (path: string) => boolean): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, filter: (path) => filter(relative(root, path)) });
}

/** Without the tests, but for what makes tiny models. */
function isNeeded(path: string): boolean {
  return !path.endsWith('.test.ts');
}

function isForThisPlatform(path: string): boolean {
  const platform = /webgpu\/dist\/([^/]+)/.exec(path)?.[1];
  return platform === undefined || platform === `${process.platform}-${process.arch}`;
}

function vulkanLoader(): string | null {
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];
  return folders.map((each) => join(each, 'libvulkan.so.1')).find((path) => existsSync(path)) ?? null;
}

/** As pieces NAME.tar.xz.00, .01, … */
function pack(name: string, from: string): void {
  const archive = join(folder, `${name}.tar.xz`);
  // half the speed of -3 buys a tenth of the size
  execFileSync('tar', ['-C', from, '-cf', archive, '-I', 'xz -3 -T2', '.'], { stdio: 'inherit' });
  const file = openSync(archive, 'r');
  const piece = Buffer.alloc(pieceBytes);
  for (let n = 0; ; n++) {
    const read = readSync(file, piece, 0, piece.length, n * pieceBytes);
    if (read === 0) break;
    writeFileSync(join(out, `${name}.tar.xz.${String(n).padStart(2, '0')}`), piece.subarray(0, read));
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
