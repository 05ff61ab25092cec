/** What the shell remembers between starts: where the window was, and whether the last starts ended well. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowState {
  readonly bounds: Bounds;
  readonly maximised: boolean;
}

/** So many starts in a row without a proper end: the next one is careful. */
const STARTS_UNTIL_SAFE = 3;
/** smaller, and the page has no room (ui/README: least window) */
const LEAST = { width: 960, height: 640 };
const USUAL = { width: 1280, height: 820 };
/** of the title bar that must be on a display, so that the window can be moved */
const REACHABLE = { width: 120, height: 40 };

interface Stored {
  readonly window?: WindowState | undefined;
  readonly startsWithoutEnd: number;
}

export class StartRecord {
  readonly #file: string;
  #stored: Stored;

  constructor(file: string) {
    this.#file = file;
    this.#stored = read(file);
  }

  get window(): WindowState | undefined {
    return this.#stored.window;
  }

  /** Counts this start; true when those before it did not end, so that this one should be careful. */
  begin(): boolean {
    const { startsWithoutEnd } = this.#stored;
    this.#save({ ...this.#stored, startsWithoutEnd: startsWithoutEnd + 1 });
    return startsWithoutEnd >= STARTS_UNTIL_SAFE;
  }

  /** It works: it has run for a while, or has ended as it should. */
  endedWell(): void {
    this.#save({ ...this.#stored, startsWithoutEnd: 0 });
  }

  keepWindow(window: WindowState): void {
    this.#save({ ...this.#stored, window });
  }

  #save(stored: Stored): void {
    this.#stored = stored;
    try {
      writeFileSync(`${this.#file}.part`, JSON.stringify(stored), { mode: 0o600 });
      renameSync(`${this.#file}.part`, this.#file);
    } catch {
      // a full disk: the window opens where it usually does
    }
  }
}

/** Where the window opens: as it was, if a hand can reach it there; else in the middle of the first display. */
export function placeWindow(
  kept: WindowState | undefined,
  displays: readonly Bounds[],
): Partial<Bounds> & typeof LEAST {
  if (!kept) return USUAL;
  const { bounds } = kept;
  const size = {
    width: Math.max(
      LEAST.width,
      Math.min(bounds.width, ...[Math.max(...displays.map(({ width }) => width))]),
    ),
    height: Math.max(
      LEAST.height,
      Math.min(bounds.height, ...[Math.max(...displays.map(({ height }) => height))]),
    ),
  };
  const reachable = displays.some((display) => {
    const left = Math.max(bounds.x, display.x);
    const right = Math.min(bounds.x + bounds.width, display.x + display.width);
    const below = display.y + display.height - bounds.y;
    return right - left >= REACHABLE.width && bounds.y >= display.y && below >= REACHABLE.height;
  });
  return reachable ? { x: bounds.x, y: bounds.y, ...size } : size;
}

function read(file: string): Stored {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const starts = Number(found['startsWithoutEnd']);
    return { window: windowFrom(found['window']), startsWithoutEnd: starts > 0 && starts < 1e6 ? starts : 0 };
  } catch {
    return { startsWithoutEnd: 0 }; // the first start, or a damaged file: both are no reason to stop
  }
}

function windowFrom(value: unknown): WindowState | undefined {
  if (typeof value !== 'object' || value === null || !('bounds' in value)) return undefined;
  const { x, y, width, height } = (value.bounds ?? {}) as Record<string, unknown>;
  const numbers = [x, y, width, height].filter((one) => typeof one === 'number' && Math.abs(one) < 100_000);
  if (numbers.length !== 4) return undefined;
  const bounds = { x, y, width, height } as Bounds;
  return { bounds, maximised: 'maximised' in value && value.maximised === true };
}
