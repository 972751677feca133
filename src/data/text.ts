/** How long lists and words are put into an error's sentence. */

export function listed(words: readonly string[]): string {
  const shown = words.slice(0, words.length > 12 ? 10 : 12).map(shortened);
  return shown.join(', ') + (words.length > 12 ? `, … (${words.length} in all)` : '');
}

export function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
