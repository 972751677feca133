import Table from 'cli-table3';

const none = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'];
const inner = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'];
const chars = Object.fromEntries([...none, ...inner].map((name) => [name, '']));

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

/** Lines of a plain table: columns two blanks apart, the heads above them. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const out = new Table({
    chars,
    colAligns: columns.map(({ align = 'left' }) => align),
    style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [] },
  });
  out.push(
    columns.map(({ head }) => head),
    ...rows.map((row) => [...row]),
  );
  return out
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
