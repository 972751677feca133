/** Damerau–Levenshtein distance with unit costs (restricted transpositions). */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** A longer name is no misspelling; comparing takes time with the square of the length. */
const LONGEST = 100;
/** Pairs of letters that are compared for one name: about a hundredth of a second. */
const PAIRS = 200_000;

/** The candidates nearest to `name`, ignoring case, best first; none when nothing is near. */
export function nearest(name: string, candidates: Iterable<string>, most = 3): string[] {
  // of a single letter every other is near
  const limit = name.length < 2 ? 0 : Math.max(1, Math.floor(name.length / 3));
  if (name.length > LONGEST) return [];
  let pairs = 0;
  const near = [...candidates]
    .filter((word) => Math.abs(word.length - name.length) <= limit)
    .filter((word) => {
      pairs += name.length * word.length;
      return pairs <= PAIRS;
    })
    .map((word) => ({ word, far: distance(name.toLowerCase(), word.toLowerCase()) }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far || (a.word < b.word ? -1 : 1));
  // the same word in other capitals is meant
  const same = near.filter(({ far }) => far === 0);
  return (same.length > 0 ? same : near).slice(0, most).map(({ word }) => word);
}

/** ` (did you mean 'x' or 'y'?)`, or nothing when no candidate is near. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const words = nearest(name, candidates).map((word) => `'${word}'`);
  if (words.length === 0) return '';
  const last = words.pop()!;
  return ` (did you mean ${words.length > 0 ? `${words.join(', ')} or ` : ''}${last}?)`;
}

/** The first key of `given` that is none of `names`, and what to say of it; null where all are known. */
export function strayOption(given: object, names: readonly string[]): { name: string; message: string } | null {
  const name = Object.keys(given).find((key) => !names.includes(key));
  if (name === undefined) return null;
  return { name, message: `unknown option${didYouMean(name, names) || `; its options are ${names.join(', ')}`}` };
}
