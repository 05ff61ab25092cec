/**
 * cos and sin of the rotations of a chunk, in double precision (at position 10^9 an f32 angle would be off by a full
 * turn), without an evaluation for each number: with p = 256 a + b, e^(i theta (slope p + intercept)) is the product of
 * one number for a and one for b. What comes out depends on the position alone, never on the chunk.
 */
const fine = 256;

/** Coarse parts of a line that are kept; a chunk needs few. */
const mostKept = 256;

export class TurnTables {
  readonly #frequencies: Float64Array;
  /** by slope: f64 [256][pairs][cos, sin] */
  readonly #fine = new Map<number, Float64Array>();
  readonly #lines = new Map<string, TurnLine>();

  /** @param frequencies radians per position, f64 [pairs] */
  constructor(frequencies: Float64Array) {
    this.#frequencies = frequencies;
  }

  /** Rotations of the places slope * position + intercept. */
  line(slope: number, intercept: number): TurnLine {
    const key = `${String(slope)} ${String(intercept)}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = new TurnLine(this.#frequencies, slope, intercept, this.#fineOf(slope));
      this.#lines.set(key, line);
    }
    return line;
  }

  /** Puts the rotation of one place, evaluated. */
  putPlace(turns: Float32Array, at: number, place: number): void {
    evaluate(this.#frequencies, turns, at, place);
  }

  #fineOf(slope: number): Float64Array {
    let table = this.#fine.get(slope);
    if (table === undefined) {
      const numbers = this.#frequencies.length * 2;
      table = new Float64Array(fine * numbers);
      for (let b = 0; b < fine; b++) evaluate(this.#frequencies, table, b * numbers, slope * b);
      this.#fine.set(slope, table);
    }
    return table;
  }
}

class TurnLine {
  readonly #frequencies: Float64Array;
  readonly #slope: number;
  readonly #intercept: number;
  readonly #fine: Float64Array;
  /** by a: f64 [pairs][cos, sin] */
  readonly #coarse = new Map<number, Float64Array>();

  constructor(frequencies: Float64Array, slope: number, intercept: number, table: Float64Array) {
    this.#frequencies = frequencies;
    this.#slope = slope;
    this.#intercept = intercept;
    this.#fine = table;
  }

  /** Puts [pairs][cos, sin] at `at`. @param position whole, >= 0 */
  put(turns: Float32Array, at: number, position: number): void {
    const b = position % fine;
    const coarse = this.#coarseOf((position - b) / fine);
    const table = this.#fine;
    const from = b * coarse.length;
    for (let i = 0; i < coarse.length; i += 2) {
      const c = coarse[i];
      const s = coarse[i + 1];
      const x = table[from + i];
      const y = table[from + i + 1];
      turns[at + i] = c * x - s * y;
      turns[at + i + 1] = c * y + s * x;
    }
  }

  #coarseOf(a: number): Float64Array {
    let part = this.#coarse.get(a);
    if (part === undefined) {
      if (this.#coarse.size >= mostKept) this.#coarse.clear();
      part = new Float64Array(this.#frequencies.length * 2);
      evaluate(this.#frequencies, part, 0, this.#slope * a * fine + this.#intercept);
      this.#coarse.set(a, part);
    }
    return part;
  }
}

function evaluate(
  frequencies: Float64Array,
  target: Float64Array | Float32Array,
  at: number,
  place: number,
): void {
  for (let i = 0; i < frequencies.length; i++) {
    target[at + 2 * i] = Math.cos(place * frequencies[i]);
    target[at + 2 * i + 1] = Math.sin(place * frequencies[i]);
  }
}
