/**
 * `npm run train:small` and `npm run train:adapt`: runs the Python side with its environment, from the repository's
 * root. `train:adapt -- pack` first writes text and facts as ids with the app's own tokenizer (pack.ts).
 */
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { AppError } from '../src/shared/errors.ts';
import { packAdaptation } from './pack.ts';
import { trainingPython } from './python.ts';

function fail(message: string, hint: string): never {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`);
  process.exit(1);
}

function runPython(module: string, args: readonly string[]): never {
  const python = trainingPython();
  if (python === null) {
    fail(
      'PyTorch is not installed for training.',
      'Run training/install.sh, or name a Python that has it in LONGLEAF_TRAINING_PYTHON.',
    );
  }
  const { status, signal, error } = spawnSync(python, ['-m', module, ...args], {
    stdio: 'inherit',
    cwd: dirname(import.meta.dirname),
    env: { ...process.env, PYTHONPATH: import.meta.dirname },
  });
  if (error) fail(`${python} could not be started: ${error.message}.`, 'Run training/install.sh again.');
  process.exit(signal === null ? (status ?? 1) : 128 + constants.signals[signal]);
}

const [what, ...args] = process.argv.slice(2);
if (what === 'small') runPython('longnet.small', args);
if (what !== 'adapt') fail('training/run.ts runs small or adapt.', 'See training/README.md.');
try {
  runPython('longnet.adapt', args[0] === 'pack' ? await packAdaptation(args.slice(1)) : args);
} catch (error) {
  const isUsage =
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  if (!(error instanceof AppError) && !isUsage) throw error;
  fail(error.message, (error instanceof AppError && error.hint) || 'See training/README.md.');
}
