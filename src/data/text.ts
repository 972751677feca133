/** How long lists and words are put into an error's sentence. */

export function listed(words: readonly string[]): string {
  return words.length > 12 ? `${words.slice(0, 10).join(', ')}, … (${words.length} in all)` : words.join(', ');
}

export function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
