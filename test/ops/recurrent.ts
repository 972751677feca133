import { gru } from '../../src/ops/gru.ts';
import { lstm } from '../../src/ops/lstm.ts';
import { project } from '../../src/ops/recurrent.ts';
import { rnn } from '../../src/ops/rnn.ts';
import { at, type Input, type Nd, nd, type Row } from './check.ts';
import { sigmoid } from './elementwise.ts';

const [L, H, N] = [4, 3, 2];
const range = (n: number) => [...Array(n).keys()];
const sum = (v: readonly number[]) => v.reduce((a, b) => a + b, 0);

/** States [H, N] by steps, in the order they are walked; `step` gives the next values of unit h of sample n. */
function walk(
  states: readonly Nd[],
  reverse: boolean,
  step: (t: number, h: number, n: number, states: readonly Nd[]) => readonly number[],
): { steps: Nd[][]; last: readonly Nd[] } {
  const steps: Nd[][] = [];
  let now = states;
  for (const t of reverse ? range(L).reverse() : range(L)) {
    const old = now;
    now = old.map((_, i) => nd([H, N], ([h, n]) => step(t, h!, n!, old)[i]!));
    steps[t] = [...now];
  }
  return { steps, last: now };
}
const stacked = (steps: readonly (readonly Nd[])[], i: number) =>
  nd([L, H, N], ([t, h, n]) => at(steps[t!]![i]!, [h!, n!]));
/** (R h) of row k for sample n. */
const product = (r: Nd, h: Nd, k: number, n: number) => sum(range(H).map((j) => at(r, [k, j]) * at(h, [j, n])));

const steps = (gates: number): Input => ({ shape: [L, gates * H, N] });
const weight = (gates: number): Input => ({ shape: [gates * H, H] });
const state: Input = { shape: [H, N] };

const lstmRows = [false, true].map(
  (reverse): Row => ({
    of: 'lstm',
    note: reverse ? 'reverse' : 'forward',
    inputs: [steps(4), weight(4), state, state],
    run: (x, r, h, c) => {
      const { y, h: lastH, c: lastC } = lstm(x, r, h, c, { reverse });
      return [y, lastH, lastC];
    },
    want: (x, r, h0, c0) => {
      const { steps, last } = walk([h0, c0], reverse, (t, h, n, [hs, cs]) => {
        const z = (gate: number) => at(x, [t, gate * H + h, n]) + product(r, hs!, gate * H + h, n);
        const c = sigmoid(z(1)) * at(cs!, [h, n]) + sigmoid(z(0)) * Math.tanh(z(2));
        return [sigmoid(z(3)) * Math.tanh(c), c];
      });
      return [stacked(steps, 0), ...last];
    },
  }),
);

const gruRows = [false, true].map(
  (reverse): Row => ({
    of: 'gru',
    note: reverse ? 'reverse' : 'forward',
    inputs: [steps(3), weight(3), { shape: [H, 1] }, state],
    run: (x, r, b, h) => {
      const { y, h: last } = gru(x, r, b, h, { reverse });
      return [y, last];
    },
    want: (x, r, b, h0) => {
      const { steps, last } = walk([h0], reverse, (t, h, n, [hs]) => {
        const xs = (gate: number) => at(x, [t, gate * H + h, n]);
        const rs = (gate: number) => product(r, hs!, gate * H + h, n);
        const z = sigmoid(xs(1) + rs(1));
        const candidate = Math.tanh(xs(2) + sigmoid(xs(0) + rs(0)) * (rs(2) + b.data[h]!));
        return [(1 - z) * candidate + z * at(hs!, [h, n])];
      });
      return [stacked(steps, 0), ...last];
    },
  }),
);

const rnnRows = (['tanh', 'relu'] as const).flatMap((nonlinearity) =>
  [false, true].map(
    (reverse): Row => ({
      of: 'rnn',
      note: `${nonlinearity} ${reverse ? 'reverse' : 'forward'}`,
      inputs: [steps(1), weight(1), state],
      run: (x, r, h) => {
        const { y, h: last } = rnn(x, r, h, { reverse, nonlinearity });
        return [y, last];
      },
      want: (x, r, h0) => {
        const f = nonlinearity === 'tanh' ? Math.tanh : (v: number) => Math.max(v, 0);
        const { steps, last } = walk([h0], reverse, (t, h, n, [hs]) => [f(at(x, [t, h, n]) + product(r, hs!, h, n))]);
        return [stacked(steps, 0), ...last];
      },
    }),
  ),
);

export const rows: Row[] = [
  {
    of: 'project',
    inputs: [{ shape: [3, 2] }, { shape: [4, 2, 5] }, { shape: [3] }],
    run: project,
    want: (w, x, b) =>
      nd([4, 3, 5], ([t, k, n]) => b.data[k!]! + sum(range(2).map((i) => at(w, [k!, i]) * at(x, [t!, i, n!])))),
  },
  ...lstmRows,
  ...gruRows,
  ...rnnRows,
];
