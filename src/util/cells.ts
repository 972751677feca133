const wide =
  /\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Emoji_Presentation}|[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]/u;

/** The width of a text in letters of a fixed-width font, as of a terminal. */
export function cells(text: string): number {
  let width = 0;
  for (const letter of text) width += /\p{Mn}/u.test(letter) ? 0 : wide.test(letter) ? 2 : 1;
  return width;
}
