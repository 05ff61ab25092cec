/** Where the Python with PyTorch is: LONGLEAF_TRAINING_PYTHON, else the environment that `training/install.sh` made. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Outside the checkout, so that it is made once for all of them. */
export function trainingPython(env: NodeJS.ProcessEnv = process.env): string | null {
  const named = env['LONGLEAF_TRAINING_PYTHON'];
  const cache = env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const path = named ?? join(cache, 'longleaf', 'training', 'bin', 'python');
  return existsSync(path) ? path : null;
}
