/** The live line of a run: on a terminal one line that is written over, elsewhere nothing but finished lines. */
import type { Colors } from 'picocolors/types.js';

export interface Screen {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number;
  readonly colors: Colors;
}

/** Milliseconds between two pictures of the live line. */
const pause = 80;

export class Progress {
  private readonly screen: Screen;
  private drawnAt = Number.NEGATIVE_INFINITY;
  private drawn = false;

  constructor(screen: Screen) {
    this.screen = screen;
  }

  /** Show a live line, unless the last one is too young. */
  live(now: number, line: () => string): void {
    if (!this.screen.isTTY || now - this.drawnAt < pause) return;
    this.drawnAt = now;
    this.drawn = true;
    this.screen.write(`\r\x1b[2K${cut(line(), this.screen.columns - 1)}`);
  }

  /** Put a line above the live one, for good. */
  print(line: string): void {
    this.clear();
    this.screen.write(`${line}\n`);
  }

  clear(): void {
    if (this.drawn) this.screen.write('\r\x1b[2K');
    this.drawn = false;
    this.drawnAt = Number.NEGATIVE_INFINITY;
  }
}

/** A line that would wrap could not be written over. It has no color codes. */
function cut(line: string, width: number): string {
  return line.length > width ? `${line.slice(0, Math.max(width - 1, 0))}…` : line;
}

/** `━━━━╸    ` of a given width. */
export function bar(fraction: number, width: number): string {
  const full = Math.min(Math.max(fraction, 0), 1) * width;
  const whole = Math.floor(full);
  const half = full - whole >= 0.5 ? '╸' : '';
  return `${'━'.repeat(whole)}${half}`.padEnd(width);
}

/** `0:42`, `12:05`, `1:00:00`. */
export function clock(seconds: number): string {
  const all = Math.max(Math.round(seconds), 0);
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A loss or error to four significant digits. */
export function short(value: number): string {
  if (!Number.isFinite(value) || value === 0) return String(value);
  return Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6 ? trim(value.toPrecision(4)) : value.toExponential(3);
}

function trim(text: string): string {
  return text.includes('e') ? String(Number(text)) : text;
}

export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
