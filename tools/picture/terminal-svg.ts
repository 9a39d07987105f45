/** One terminal: a title and the rows of its screen. */
export interface TerminalPicture {
  readonly title: string;
  readonly rows: readonly string[];
  /** Cells across. */
  readonly columns: number;
  /** Place in the picture: cells and rows of text before it, … */
  readonly left: number;
  readonly top: number;
  /** … and terminals to its left and above it. */
  readonly column: number;
  readonly row: number;
}

const CELL_WIDTH = 8.4;
const ROW_HEIGHT = 19;
const PADDING = 12;
const TITLE_HEIGHT = 26;
const GAP = 14;

/** Terminals as an SVG picture, by their text alone. */
export function renderTerminals(terminals: readonly TerminalPicture[]): string {
  const boxes = terminals.map((terminal) => {
    const x = GAP + terminal.left * CELL_WIDTH + terminal.column * (GAP + PADDING * 2);
    const y = GAP + terminal.top * ROW_HEIGHT + terminal.row * (GAP + PADDING * 2 + TITLE_HEIGHT);
    const width = terminal.columns * CELL_WIDTH + PADDING * 2;
    const height = terminal.rows.length * ROW_HEIGHT + PADDING * 2 + TITLE_HEIGHT;
    return { x, y, width, height, terminal };
  });
  const width = Math.ceil(Math.max(...boxes.map((box) => box.x + box.width)) + GAP);
  const height = Math.ceil(Math.max(...boxes.map((box) => box.y + box.height)) + GAP);
  const body = boxes.map(({ x, y, width: boxWidth, height: boxHeight, terminal }) => {
    const rows = terminal.rows.map((row, index) => {
      const baseline = TITLE_HEIGHT + PADDING + ROW_HEIGHT * index + 14;
      return `<text x="${PADDING}" y="${baseline}" class="${rowClass(row)}" xml:space="preserve">${escaped(row)}</text>`;
    });
    return [
      `<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)})">`,
      `<rect width="${boxWidth.toFixed(1)}" height="${boxHeight.toFixed(1)}" rx="8" class="window"/>`,
      `<circle cx="16" cy="13" r="5" fill="#f2635a"/><circle cx="32" cy="13" r="5" fill="#f5bd4f"/>`,
      `<circle cx="48" cy="13" r="5" fill="#5fc454"/>`,
      `<text x="64" y="17" class="title">${escaped(terminal.title)}</text>`,
      ...rows,
      '</g>',
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>A server, and four people who chat in one room over four wires, each in a terminal</title>
<style>
text { font: 14px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d8dee9; }
.title { font-size: 12px; fill: #8a94a6; }
.notice { fill: #8fbcbb; }
.typing { fill: #a3be8c; }
.window { fill: #1d2330; stroke: #39415280; }
</style>
${body.join('\n')}
</svg>
`;
}

/** Notices are shown paler, and the line being typed stands out; the program itself prints no colours. */
function rowClass(row: string): string {
  if (row.startsWith('* ')) return 'notice';
  return /^\S+> /.test(row) ? 'typing' : 'plain';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
