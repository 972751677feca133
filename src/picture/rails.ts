/** The edges of a net as lines of characters beside a list of its nodes. */
import type { Picture } from './cards.ts';

/** What stands before a node, and above that where lines meet or part. */
export interface Rail {
  readonly above: string | null;
  readonly beside: string;
}

const [up, down, left, right] = [1, 2, 4, 8];
/** By the directions in which a line goes on. */
const corners = '   │ ╯╮┤ ╰╭├─┴┬┼';

/** One for each card. A lane holds a value from the card that gives it to the last that takes it. */
export function rails({ cards, links }: Picture): Rail[] {
  const lastUse = new Map(links.map(({ from, to }) => [from, to] as const).sort(([, a], [, b]) => a - b));
  const takes = cards.map(() => new Set<number>());
  for (const { from, to } of links) takes[to]!.add(from);
  const lanes: (number | null)[] = [];
  return cards.map(({ kind }, i): Rail => {
    const taken = lanes.flatMap((from, lane) => (from !== null && takes[i]!.has(from) ? [lane] : []));
    const ending = taken.filter((lane) => lastUse.get(lanes[lane]!) === i);
    const free = lanes.indexOf(null);
    const own = ending[0] ?? (free < 0 ? lanes.length : free);
    const before = [...lanes];
    for (const lane of ending) lanes[lane] = null;
    lanes[own] = i;
    const straight = taken.length === 0 || (taken.length === 1 && taken[0] === own);
    const above = straight ? null : meeting(before, lanes, new Set([...taken, own]));
    const mark = kind === 'module' ? '●' : '○';
    const beside = lanes.map((from, lane) => (lane === own ? mark : from === null ? ' ' : '│')).join(' ');
    if (!lastUse.has(i)) lanes[own] = null;
    while (lanes.at(-1) === null) lanes.pop();
    return { above, beside };
  });
}

/** The line on which `joined` lanes are joined; others pass over it. */
function meeting(
  before: readonly (number | null)[],
  after: readonly (number | null)[],
  joined: ReadonlySet<number>,
): string {
  const [first, last] = [Math.min(...joined), Math.max(...joined)];
  return after
    .map((now, lane) => {
      const was = before[lane] ?? null;
      const across = joined.has(lane) || (was === null && now === null);
      const sides = across ? (lane > first && lane <= last ? left : 0) + (lane >= first && lane < last ? right : 0) : 0;
      const corner = corners[(was === null ? 0 : up) + (now === null ? 0 : down) + sides];
      return `${corner}${lane >= first && lane < last ? '─' : ' '}`;
    })
    .join('')
    .trimEnd();
}
