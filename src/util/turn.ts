/** Milliseconds after which others get their turn. */
const TURN = 4;
let next = 0;

/** What we use of the platform, which the core is compiled without the types of. */
const { performance, setImmediate, setTimeout } = globalThis as unknown as {
  performance: { now(): number };
  /** In Node; it does not wait. */
  setImmediate?: (f: () => void) => void;
  setTimeout: (f: () => void) => void;
};

/** What blocks, now, or, every few milliseconds, when timers and files have had their turn. */
export function inTurn<T>(f: () => T): T | Promise<T> {
  if (performance.now() < next) return f();
  return new Promise<void>((resolve) => (setImmediate ?? setTimeout)(resolve)).then(() => {
    next = performance.now() + TURN;
    return f();
  });
}
