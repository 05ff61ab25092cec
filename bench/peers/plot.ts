/** The same figures as a picture: speed against the length of the context, both axes logarithmic. */
import type { Comparison } from './table.ts';
import { comparisons, middle } from './table.ts';
import type { PeersResult } from './results.ts';

/** Two themes, chosen by the page that shows the picture. Contrast of text on ground at least 4.5. */
const themes = {
  light: {
    ground: '#fbfaf6',
    ink: '#2b2a26',
    soft: '#6a675e',
    grid: '#dedace',
    ours: '#1f6f4a',
    second: '#8a6d1f',
    theirs: '#a1442b',
  },
  dark: {
    ground: '#1b1c19',
    ink: '#eceae2',
    soft: '#a5a297',
    grid: '#3a3b35',
    ours: '#6cc79a',
    second: '#d6b65a',
    theirs: '#e8896d',
  },
} as const;
export type Theme = keyof typeof themes;
type Colours = (typeof themes)[Theme];

const WIDTH = 860;
const HEIGHT = 380;
const PANEL = { width: 340, height: 270, top: 58 };
const PANEL_LEFT = { prefill: 66, decode: 488 };

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly {
    readonly tokens: number;
    readonly speed: number;
    readonly extrapolated: boolean;
  }[];
}

/** @returns an SVG of its own, with a title and a description for who can't see it */
export function peersPlot(result: PeersResult, theme: Theme): string {
  const colours = themes[theme];
  const all = comparisons(result);
  const panels = (['prefill', 'decode'] as const).map((figure) =>
    panel(
      figure,
      linesOf(
        all.filter((one) => one.figure === figure),
        colours,
      ),
      colours,
    ),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="t d" font-family="system-ui, sans-serif" font-size="12">
<title id="t">Longleaf and llama.cpp on the same file: tokens per second against the length of the context</title>
<desc id="d">${description(all)}</desc>
<rect width="${WIDTH}" height="${HEIGHT}" fill="${colours.ground}"/>
${panels.join('\n')}
<text x="${WIDTH / 2}" y="${HEIGHT - 8}" text-anchor="middle" fill="${colours.soft}">${result.environment.cpu}, ${result.environment.cores} cores, ${result.environment.date.slice(0, 10)}; dashed: reckoned from shorter texts</text>
</svg>
`;
}

function linesOf(all: readonly Comparison[], colours: Colours): Line[] {
  const speedsOf = (list: readonly Comparison[], side: 'ours' | 'theirs'): Line['points'] =>
    list
      .toSorted((a, b) => a.tokens - b.tokens)
      .map(({ tokens, extrapolated, ...one }) => ({ tokens, extrapolated, speed: middle(one[side]) }));
  const exact = all.filter(({ plan }) => plan !== 'adapted');
  const theirs = [...new Map(all.map((one) => [one.tokens, one])).values()];
  return [
    {
      name: 'Longleaf, adapted',
      colour: colours.ours,
      points: speedsOf(
        all.filter(({ plan }) => plan === 'adapted'),
        'ours',
      ),
    },
    { name: 'Longleaf, dense / window', colour: colours.second, points: speedsOf(exact, 'ours') },
    { name: 'llama.cpp', colour: colours.theirs, points: speedsOf(theirs, 'theirs') },
  ];
}

function panel(figure: 'prefill' | 'decode', lines: readonly Line[], colours: Colours): string {
  const left = PANEL_LEFT[figure];
  const points = lines.flatMap((line) => line.points);
  const x = scale(
    points.map(({ tokens }) => tokens),
    left,
    left + PANEL.width,
  );
  const y = scale(
    points.map(({ speed }) => speed),
    PANEL.top + PANEL.height,
    PANEL.top,
  );
  const lengths = [...new Set(points.map(({ tokens }) => tokens))].toSorted((a, b) => a - b);
  const right = left + PANEL.width;
  const grid = speedTicks(points.map(({ speed }) => speed)).map(
    (tick) =>
      `<line x1="${left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}" stroke="${colours.grid}"/>` +
      `<text x="${left - 6}" y="${y(tick) + 4}" text-anchor="end" fill="${colours.soft}">${tick.toLocaleString('en-US')}</text>`,
  );
  const marks = lengths.map(
    (tokens) =>
      `<text x="${x(tokens)}" y="${PANEL.top + PANEL.height + 18}" text-anchor="middle" fill="${colours.soft}">${short(tokens)}</text>`,
  );
  const title = figure === 'prefill' ? 'Reading, tokens/s' : 'Answering after so many tokens, tokens/s';
  const legend = lines.map(
    ({ name, colour }, i) =>
      `<text x="${left + 6}" y="${PANEL.top + PANEL.height - 10 - (lines.length - 1 - i) * 17}" fill="${colour}" font-weight="600">${name}</text>`,
  );
  return [
    `<text x="${left}" y="30" fill="${colours.ink}" font-size="15" font-weight="600">${title}</text>`,
    ...grid,
    ...marks,
    ...lines.map((line) => drawn(line, x, y)),
    ...legend,
  ].join('\n');
}

function drawn({ points, colour }: Line, x: Scale, y: Scale): string {
  const segments = points.slice(1).map((point, i) => {
    const from = points[i] ?? point;
    const dash = point.extrapolated ? ' stroke-dasharray="5 4"' : '';
    return `<line x1="${x(from.tokens)}" y1="${y(from.speed)}" x2="${x(point.tokens)}" y2="${y(point.speed)}" stroke="${colour}" stroke-width="2.2"${dash}/>`;
  });
  const dots = points.map(
    ({ tokens, speed, extrapolated }) =>
      `<circle cx="${x(tokens)}" cy="${y(speed)}" r="3.4" ${extrapolated ? `fill="none" stroke="${colour}" stroke-width="1.6"` : `fill="${colour}"`}/>`,
  );
  return [...segments, ...dots].join('');
}

type Scale = (value: number) => number;

/** Logarithmic, with a margin of a tenth on each side. */
function scale(values: readonly number[], start: number, end: number): Scale {
  const low = Math.log(Math.min(...values));
  const high = Math.log(Math.max(...values));
  const margin = 0.06 * (high - low || 1);
  const span = high - low + 2 * margin;
  return (value) => Number((start + ((Math.log(value) - low + margin) / span) * (end - start)).toFixed(1));
}

/** 1, 2, 5, 10, 20 … within what is drawn. */
function speedTicks(speeds: readonly number[]): number[] {
  const low = Math.min(...speeds);
  const high = Math.max(...speeds);
  return [1, 10, 100, 1000, 10_000]
    .flatMap((power) => [1, 2, 5].map((one) => one * power))
    .filter((tick) => tick >= low && tick <= high);
}

function short(tokens: number): string {
  return tokens < 1024 ? tokens.toString() : `${Math.round(tokens / 1024)}k`;
}

function description(all: readonly Comparison[]): string {
  const sentence = ({ figure, tokens, plan, ratios }: Comparison): string =>
    `${figure} ${short(tokens)} ${plan}: ${middle(ratios).toFixed(1)} times llama.cpp`;
  return all.map(sentence).join('; ');
}
