/** Milliseconds after which others get their turn. */
const TURN = 4;
let next = 0;

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}

/** What we use of the platform, which the core is compiled without the types of. */
const { performance, setImmediate, MessageChannel } = globalThis as unknown as {
  performance: { now(): number };
  /** Node's. */
  setImmediate?: (f: () => void) => void;
  MessageChannel: new () => { port1: Port; port2: Port };
};

/** `f` after what waits in the event loop; browsers make timers wait 4 ms, and messages not. */
function soon(f: () => void): void {
  if (setImmediate) {
    setImmediate(f);
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    f();
  };
  port2.postMessage(null);
}

/** What blocks, now, or, every few milliseconds, when timers and files have had their turn. */
export function inTurn<T>(f: () => T): T | Promise<T> {
  if (performance.now() < next) return f();
  return new Promise<void>(soon).then(() => {
    next = performance.now() + TURN;
    return f();
  });
}
