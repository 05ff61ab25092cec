// Builds native/build/longleaf.node with one plain compiler call per translation unit (no node-gyp, no downloads).
// Runs on any Node >= 20 without dependencies of its own. Usage: node native/build.mjs [--force]
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const folder = dirname(fileURLToPath(import.meta.url));
const sources = join(folder, 'src');
const output = join(folder, 'build');
const binary = join(output, 'longleaf.node');
const stamp = join(output, 'longleaf.stamp');
const modules = join(folder, '..', 'node_modules');

/** Compilers are tried in this order; CXX wins. */
const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];

const commonFlags = [
  '-std=c++17',
  '-O3',
  '-fPIC',
  '-pthread',
  '-fvisibility=hidden',
  // Products and sums are fused only where the source says so: a row's bits must not depend on the optimiser.
  '-ffp-contract=off',
  '-fno-math-errno',
  '-Wall',
  // GCC 12 warns about its own intrinsics (undefined vectors)
  '-Wno-unknown-warning-option',
  '-Wno-maybe-uninitialized',
  '-Wno-uninitialized',
  '-Wno-uninitialized',
  '-DNAPI_VERSION=8',
  '-DNODE_ADDON_API_CPP_EXCEPTIONS_ALL',
  '-DNODE_GYP_MODULE_NAME=longleaf',
];
const includes = ['node-api-headers/include', 'node-addon-api'].map((path) => join(modules, path));

const avx512 = ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mfma', '-mf16c'];

/** Flags of one instruction set; a file whose flags the compiler refuses is built without and reports no kernel. */
const x86Flags = {
  'kernel_amx.cpp': [...avx512, '-mavx512bf16', '-mamx-tile', '-mamx-bf16'],
  'kernel_avx2.cpp': ['-mavx2', '-mfma'],
  'kernel_avx512.cpp': avx512,
  'kernel_avx512bf16.cpp': [...avx512, '-mavx512bf16'],
  'dense_avx2.cpp': ['-mavx2', '-mfma', '-mf16c'],
  'dense_avxvnni.cpp': ['-mavx2', '-mfma', '-mf16c', '-mavxvnni'],
  'dense_avx512vnni.cpp': [...avx512, '-mavx512vnni'],
  'dense_amx.cpp': [...avx512, '-mavx512vnni', '-mamx-tile', '-mamx-int8'],
};

const armFlags = { 'dense_neon.cpp': ['-march=armv8.2-a+dotprod'] };

class BuildError extends Error {}

function fail(message, hint) {
  throw new BuildError(`error: ${message} hint: ${hint}`);
}

/** @returns {{command: string, version: string}} */
function findCompiler() {
  for (const command of compilers) {
    try {
      const version = execFileSync(command, ['--version'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      }).toString();
      return { command, version: version.split('\n')[0] ?? '' };
    } catch {
      // the next name
    }
  }
  return fail(
    `no C++ compiler found (tried ${compilers.join(', ')}).`,
    'install g++ or clang (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install) or name one in CXX.',
  );
}

function accepts(compiler, flags) {
  try {
    execFileSync(compiler, [...flags, '-x', 'c++', '-fsyntax-only', '-'], {
      input: '',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    return true;
  } catch {
    return false;
  }
}

function flagsOf(compiler, file) {
  const flags = ({ x64: x86Flags, arm64: armFlags }[arch()] ?? {})[file] ?? [];
  if (flags.length === 0 || accepts(compiler, flags)) return flags;
  console.error(`note: ${compiler} does not know ${flags.at(-1)}; ${file} is left out`);
  return [];
}

const linkFlags =
  platform() === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared', '-pthread'];

function fingerprint(compiler, jobs) {
  const hash = createHash('sha256');
  hash.update(
    JSON.stringify([compiler, platform(), arch(), commonFlags, linkFlags, jobs.map((job) => job.flags)]),
  );
  for (const name of readdirSync(sources).sort()) hash.update(name).update(readFileSync(join(sources, name)));
  for (const name of ['node-api-headers', 'node-addon-api'])
    hash.update(readFileSync(join(modules, name, 'package.json')));
  return hash.digest('hex');
}

/** What was built, from what: a stamp beside another build's binary (two at once) does not match. */
function stampOf(wanted, path) {
  return `${wanted} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

function isBuilt(wanted) {
  return existsSync(stamp) && existsSync(binary) && readFileSync(stamp, 'utf8') === stampOf(wanted, binary);
}

async function compileAll(compiler, jobs) {
  const queue = [...jobs];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const args = [
        ...commonFlags,
        ...job.flags,
        ...includes.map((path) => `-I${path}`),
        '-c',
        join(sources, job.file),
        '-o',
        job.object,
      ];
      await promisify(execFile)(compiler, args, { maxBuffer: 1 << 26 }).then(
        ({ stderr }) => stderr && console.error(stderr.trimEnd()),
        (error) => {
          console.error(error.stderr ?? String(error));
          fail(
            `${job.file} did not compile.`,
            `a compiler with C++17 is needed (used: ${compiler}); CXX names another.`,
          );
        },
      );
    }
  };
  await Promise.all([worker(), worker()]);
}

async function build() {
  for (const path of includes) if (!existsSync(path)) fail(`${path} is missing.`, 'run `npm install` first.');
  const { command, version } = findCompiler();
  const jobs = readdirSync(sources)
    .filter((name) => name.endsWith('.cpp'))
    .sort()
    .map((file) => ({
      file,
      flags: flagsOf(command, file),
      object: join(output, `${file}.${process.pid}.o`),
    }));
  const wanted = fingerprint(`${command} ${version}`, jobs);
  if (isBuilt(wanted) && !process.argv.includes('--force')) return;
  const started = Date.now();
  mkdirSync(output, { recursive: true });
  const temporary = `${binary}.${process.pid}`;
  try {
    await compileAll(command, jobs);
    execFileSync(command, [...linkFlags, ...jobs.map((job) => job.object), '-o', temporary], {
      stdio: 'inherit',
    });
    const stampText = stampOf(wanted, temporary);
    // a process that has the old binary loaded keeps it: rename replaces the name, not the file
    renameSync(temporary, binary);
    writeFileSync(stamp, stampText);
  } finally {
    for (const job of jobs) rmSync(job.object, { force: true });
    rmSync(temporary, { force: true });
  }
  console.error(`native addon built in ${((Date.now() - started) / 1000).toFixed(1)} s (${version})`);
}

try {
  await build();
} catch (error) {
  console.error(error instanceof BuildError ? error.message : error);
  process.exitCode = 1;
}
