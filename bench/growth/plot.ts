import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly series: readonly Series[];
}

const WIDTH = 640;
const HEIGHT = 320;
const LEFT = 72;
/** Half of the longest number below the plot has its place here. */
const RIGHT = 40;
const TOP = 40;
const BOTTOM = 56;
const Y_TICKS = 5;
/** Distinguishable also without colours, by their dashes. */
const STYLES = [
  { colour: '#1f6feb', dashes: 'none' },
  { colour: '#b35900', dashes: '6 4' },
  { colour: '#2da44e', dashes: '2 3' },
  { colour: '#8250df', dashes: '10 3 2 3' },
  { colour: '#cf222e', dashes: '12 4' },
  { colour: '#7d8590', dashes: '4 2 1 2' },
] as const;
/** Names of series stand side by side above the plot: width of a character, about, and what is between two names. */
const CHARACTER_WIDTH = 7;
const NAME_GAP = 20;

/** A plot as SVG: x logarithmic, y from 0. Readable on light and dark pages. */
export function plotSvg({ title, xTitle, yTitle, series }: Plot): string {
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const x = scaleLog([Math.min(...xs), Math.max(...xs)], [LEFT, WIDTH - RIGHT]);
  const y = scaleLinear([0, Math.max(...ys)], [HEIGHT - BOTTOM, TOP]).nice(Y_TICKS);
  const path = line<readonly [number, number]>(
    ([at]) => x(at),
    ([, value]) => y(value),
  );
  const parts: string[] = [];
  for (const tick of y.ticks(Y_TICKS)) {
    const at = y(tick).toFixed(1);
    parts.push(`<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#888" stroke-opacity=".3"/>`);
    parts.push(text(LEFT - 8, Number(at) + 4, tick.toLocaleString('en-US'), 'end'));
  }
  for (const tick of [...new Set(xs)]) {
    parts.push(text(x(tick), HEIGHT - BOTTOM + 18, tick.toLocaleString('en-US'), 'middle'));
  }
  let nameAt = LEFT + 12;
  for (const [index, { name, points }] of series.entries()) {
    const { colour, dashes } = STYLES[index % STYLES.length]!;
    parts.push(
      `<path d="${path(points)}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes}"/>`,
    );
    for (const [at, value] of points) {
      parts.push(`<circle cx="${x(at).toFixed(1)}" cy="${y(value).toFixed(1)}" r="3.5" fill="${colour}"/>`);
    }
    parts.push(text(nameAt, TOP - 6, name, 'start', colour));
    nameAt += CHARACTER_WIDTH * name.length + NAME_GAP;
  }
  parts.push(text(WIDTH / 2, HEIGHT - 10, xTitle, 'middle'));
  parts.push(text(LEFT - 8, 16, yTitle, 'start'));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function text(x: number, y: number, content: string, anchor: string, colour = '#777'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
