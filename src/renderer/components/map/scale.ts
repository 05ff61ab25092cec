/** Everything on the context map is linear in tokens: position in px of a token, and back. */

/** The stretch of tokens [from, to) that is drawn over `width` px. */
export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

/** px that stay free on both sides, so that the outermost lines are not cut */
const PAD = 1;
/** px between two numbers of the axis, at least */
const AXIS_GAP = 90;
/** tokens that a zoomed map shows at least: single keys become visible */
export const LEAST_SPAN = 512;

export function xOf({ from, to, width }: Scale, token: number): number {
  return PAD + ((token - from) / Math.max(1, to - from)) * (width - 2 * PAD);
}

/** The token at `x` px, within what is drawn. */
export function tokenAt({ from, to, width }: Scale, x: number): number {
  const share = (x - PAD) / Math.max(1, width - 2 * PAD);
  return Math.round(from + Math.min(1, Math.max(0, share)) * (to - from));
}

export function clampX({ width }: Scale, x: number): number {
  return Math.min(width - PAD, Math.max(PAD, x));
}

/** px that `tokens` are wide. */
export function widthOf(scale: Scale, tokens: number): number {
  return xOf(scale, scale.from + tokens) - PAD;
}

/** Distance of the axis' numbers: 1, 2 or 5 times a power of ten, and at least 90 px. */
export function axisStep({ from, to, width }: Scale): number {
  const least = Math.max(1, ((to - from) * AXIS_GAP) / Math.max(1, width));
  const magnitude = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5].map((factor) => factor * magnitude).find((step) => step >= least) ?? 10 * magnitude;
}

/** A number as a hint: 512, 34k, 1.83M. */
export function shortTokens(tokens: number): string {
  if (tokens >= 999_500) return `${Number((tokens / 1e6).toFixed(2))}M`;
  return tokens >= 1_000 ? `${Number((tokens / 1e3).toFixed(tokens < 10_000 ? 1 : 0))}k` : String(tokens);
}

/** A stretch of the library, in tokens. */
export interface View {
  readonly from: number;
  readonly to: number;
}

/**
 * `view` made `factor` times as wide around `token`, which keeps its place on the screen.
 * @param total of everything that can be drawn, in tokens
 */
export function zoomed(view: View, total: number, factor: number, token: number): View {
  const span = Math.min(total, Math.max(Math.min(LEAST_SPAN, total), (view.to - view.from) * factor));
  const share = (token - view.from) / Math.max(1, view.to - view.from);
  return moved({ from: token - share * span, to: token - share * span + span }, total, 0);
}

/** `view` moved by `tokens`, as far as there is something to see. */
export function moved(view: View, total: number, tokens: number): View {
  const span = Math.min(total, view.to - view.from);
  const from = Math.round(Math.min(total - span, Math.max(0, view.from + tokens)));
  return { from, to: Math.round(from + span) };
}
