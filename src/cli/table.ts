export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
}

/** Characters that a terminal shows over two columns. */
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;

function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += wide.test(character) ? 2 : 1;
  return width;
}

/** Lines of a plain table: columns two blanks apart, the heads above them. In time linear in the rows. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map(({ head }) => head), ...rows];
  const widths = columns.map((_, i) => all.reduce((most, row) => Math.max(most, widthOf(row[i] ?? '')), 0));
  const cell = (text: string, i: number) => {
    const space = ' '.repeat(widths[i]! - widthOf(text));
    return columns[i]!.align === 'right' ? space + text : text + space;
  };
  return all.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}
