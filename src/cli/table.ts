import { cells } from '../util/cells.ts';

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

/** Lines of a plain table: columns two blanks apart, the heads above them. In time linear in the rows. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map(({ head }) => head), ...rows];
  const widths = columns.map((_, i) => all.reduce((most, row) => Math.max(most, cells(row[i] ?? '')), 0));
  const cell = (text: string, i: number) => {
    const space = ' '.repeat(widths[i]! - cells(text));
    return columns[i]!.align === 'right' ? space + text : text + space;
  };
  return all.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}
