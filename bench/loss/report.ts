import { formatMs, formatTable } from '../support/table.ts';
import type { FailoverFigures } from './scenarios/failover.ts';
import type { KillFigures } from './scenarios/kill.ts';
import type { Cell } from './scenarios/latency.ts';
import type { LimitFigures } from './scenarios/limit.ts';
import { FALLBACK_US, judgeTarget, LIMIT_RATIO, RESUME_US, RETURN_US, type Verdict } from './targets.ts';

/** Lateness of a process from which a cell's highest quantiles are the machine's rather than the network's, µs. */
const LATE_US = 10_000;
/** Lateness of the link's tool likewise, µs. */
const LINK_LATE_US = 2000;
const WAIT_SHARE = 0.1;
/** Of a core, taken by the host of a virtual machine. */
const STOLEN_SHARE = 0.05;

const percent = (share: number): string => `${+(share * 100).toFixed(2)} %`;

export function latencyTable(cells: readonly Cell[]): string {
  return formatTable(
    [
      'wire',
      'loss',
      'every',
      'rooms',
      'messages',
      'p50',
      'p90',
      'p99',
      'p99.9',
      'max ms',
      'lost',
      'twice',
      'disorder',
      'IP bytes',
      'late ms',
      'dropped',
      'stolen',
    ],
    cells.map((cell) => [
      cell.wire,
      percent(cell.loss),
      `${cell.pattern} ms`,
      String(cell.pairs),
      String(cell.measured),
      ...[cell.p50Us, cell.p90Us, cell.p99Us, cell.p999Us, cell.maxUs].map(formatMs),
      String(cell.lost),
      String(cell.doubled),
      String(cell.outOfOrder),
      cell.bytesPerMessage.toFixed(0),
      formatMs(cell.lateUs),
      cell.link === undefined ? '' : percent(cell.link.lost / cell.link.packets),
      percent(cell.stolenShare),
    ]),
  );
}

export function judgeLatency(cells: readonly Cell[], lossRun: number): Verdict[] {
  return cells.flatMap((cell) => [
    onceVerdict(`${percent(cell.loss)} loss, every ${cell.pattern} ms`, cell),
    ...judgeTarget(cell, lossRun),
  ]);
}

/** Everything that was said has come once, in order, and nobody's session broke. */
function onceVerdict(
  where: string,
  figures: {
    readonly wire: string;
    readonly lost: number;
    readonly doubled: number;
    readonly outOfOrder: number;
    readonly firstBreak?: string | undefined;
    readonly firstRefusal?: string | undefined;
  },
): Verdict {
  const { wire, lost, doubled, outOfOrder, firstBreak, firstRefusal } = figures;
  const trouble = firstBreak ?? firstRefusal;
  return {
    text:
      `${wire}, ${where}: everything delivered, once, in order` +
      (lost + doubled + outOfOrder > 0 ? ` (${lost} lost, ${doubled} twice, ${outOfOrder} out of order)` : '') +
      (trouble === undefined ? '' : ` (${trouble})`),
    isMet: lost + doubled + outOfOrder === 0 && trouble === undefined,
  };
}

/** Where a figure is not the network's alone. */
export function doubtsOf(cells: readonly Cell[]): string[] {
  return cells.flatMap((cell) => {
    const where = `${cell.wire}, ${percent(cell.loss)}, every ${cell.pattern} ms`;
    const doubts: string[] = [];
    if (cell.lateUs > LATE_US) {
      doubts.push(`${where}: a sender or receiver was itself ${formatMs(cell.lateUs)} ms late, one time in a thousand`);
    }
    if (cell.serverWaitShare > WAIT_SHARE) {
      doubts.push(`${where}: the server waited for a core ${percent(cell.serverWaitShare)} of the time`);
    }
    if (cell.stolenShare > STOLEN_SHARE) {
      doubts.push(`${where}: the machine's host took ${percent(cell.stolenShare)} of a core away`);
    }
    const linkLateUs = cell.link?.lateUs ?? 0;
    if (linkLateUs > LINK_LATE_US)
      doubts.push(`${where}: the link itself was ${formatMs(linkLateUs)} ms late at p99.9`);
    if (cell.measured < 1000) doubts.push(`${where}: ${cell.measured} messages are too few for a p99.9`);
    return doubts;
  });
}

export function limitTable(figures: readonly LimitFigures[]): string {
  return formatTable(
    ['wire', 'loss', 'link kbit/s', 'text kbit/s', 'messages', 'lost', 'twice', 'disorder', 'IP bytes'],
    figures.map((one) => [
      one.wire,
      percent(one.loss),
      String(one.rateKbit),
      one.goodputKbit.toFixed(1),
      String(one.sent),
      String(one.lost),
      String(one.doubled),
      String(one.outOfOrder),
      one.bytesPerMessage.toFixed(0),
    ]),
  );
}

export function judgeLimit(all: readonly LimitFigures[]): Verdict[] {
  return all.flatMap((figures) => {
    const verdicts = [onceVerdict(`${percent(figures.loss)} loss, ${figures.rateKbit} kbit/s`, figures)];
    const tcp = all.find(({ wire, loss }) => wire === 'jsonl' && loss === figures.loss);
    if (figures.isJudged && tcp !== undefined) {
      const ratio = figures.goodputKbit / tcp.goodputKbit;
      const text = `${figures.wire}, ${figures.rateKbit} kbit/s: ${percent(ratio)} of TCP's throughput, at least ${percent(LIMIT_RATIO)}`;
      verdicts.push({ text, isMet: ratio >= LIMIT_RATIO });
    }
    return verdicts;
  });
}

export function failoverTable(all: readonly FailoverFigures[]): string {
  return formatTable(
    ['wire', 'loss', 'blocked', 'slowest ms', 'slowest after ms', 'fell back ms', 'returned ms'],
    all.flatMap(({ wire, loss, blocked, steps }) =>
      steps.map((step) => [
        wire,
        percent(loss),
        `${blocked} ${step.name}`,
        formatMs(step.worstBlockedUs),
        formatMs(step.worstFreeUs),
        changes(step.fallbackUs),
        changes(step.returnUs),
      ]),
    ),
  );
}

function changes(byUser: Readonly<Record<string, number | undefined>>): string {
  const all = Object.entries(byUser).map(([user, us]) => `${user} ${us === undefined ? 'never' : formatMs(us)}`);
  return all.length === 0 ? 'not told' : all.join(', ');
}

export function judgeFailover(all: readonly FailoverFigures[]): Verdict[] {
  return all.flatMap((figures) => {
    const verdicts = [onceVerdict(`${figures.blocked} blocked and freed`, figures)];
    if (!figures.isJudged) return verdicts;
    const within = (what: string, limitUs: number, pick: (step: (typeof figures.steps)[number]) => object): Verdict => {
      const times = figures.steps.flatMap((step) => Object.values(pick(step)) as (number | undefined)[]);
      return {
        text: `${figures.wire}: ${what} within ${limitUs / 1e6} s`,
        isMet: times.length > 0 && times.every((us) => us !== undefined && us <= limitUs),
      };
    };
    verdicts.push(within('falls back', FALLBACK_US, (step) => step.fallbackUs));
    verdicts.push(within('returns', RETURN_US, (step) => step.returnUs));
    return verdicts;
  });
}

export function killTable(all: readonly KillFigures[]): string {
  return formatTable(
    [
      'wire',
      'loss',
      'clients',
      'kills',
      'accepted',
      'uncertain',
      'missing',
      'twice',
      'disorder',
      'connects',
      'heard again p50',
      'max ms',
    ],
    all.map((one) => [
      one.wire,
      percent(one.loss),
      ...[one.clients, one.kills, one.accepted, one.uncertain, one.missing, one.doubled].map(String),
      ...[one.contradictions, one.connects].map(String),
      formatMs(one.resumeUsP50),
      formatMs(one.resumeUsMax),
    ]),
  );
}

export function judgeKill(all: readonly KillFigures[]): Verdict[] {
  return all.flatMap((one) => {
    const isWhole = one.accepted > 0 && one.missing + one.doubled + one.contradictions === 0;
    const text = `${one.wire}, ${one.kills} kills: of ${one.accepted} accepted messages none missing or doubled for anyone`;
    const verdicts: Verdict[] = [
      { text, isMet: isWhole },
      { text: `${one.wire}: everybody hears again after every kill`, isMet: one.neverResumed === 0 },
    ];
    if (one.isJudged) {
      const limit = `${one.wire}: everybody hears again within ${RESUME_US / 1e6} s`;
      verdicts.push({ text: limit, isMet: one.resumeUsMax <= RESUME_US });
    }
    return verdicts;
  });
}
