/** A look for a graphics card that loads nothing. */
import { existsSync, readdirSync } from 'node:fs';

export const NO_CARD = 'no graphics card was found';

/** True where only a driver can say: most machines without a card are servers on Linux. */
export function couldHaveCard(): boolean {
  if (process.platform !== 'linux') return true;
  return existsSync('/dev/nvidia0') || hasRenderNode() || existsSync('/dev/dxg');
}

function hasRenderNode(): boolean {
  try {
    return readdirSync('/dev/dri').some((name) => name.startsWith('renderD'));
  } catch {
    return false;
  }
}
