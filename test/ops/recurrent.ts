import { recurrent } from '../../src/nn/functional/recurrent.ts';
import { gru } from '../../src/ops/gru.ts';
import { gradient as stateGradient } from '../../src/ops/linear-recurrence.ts';
import { gradient as cellGradient, lstm } from '../../src/ops/lstm.ts';
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

/** An LSTM with a projection over x [L, N, I], from states [1, N, P] and [1, N, H]. */
const [I, P] = [2, 2];
const projected = [false, true].map(
  (given): Row => ({
    of: 'recurrent',
    note: `LSTM with a projection, ${given ? 'states given' : 'from zeros'}`,
    inputs: [
      { shape: [L, N, I] },
      { shape: [4 * H, I] },
      { shape: [4 * H, P] },
      { shape: [4 * H] },
      { shape: [P, H] },
      ...(given ? [{ shape: [1, N, P] }, { shape: [1, N, H] }] : []),
    ],
    run: (x, ih, hh, bias, hr, h, c) => {
      const weights = { weight_ih: ih, weight_hh: hh, bias_ih: bias, bias_hh: bias, weight_hr: hr };
      const options = { kind: 'LSTM', layers: [[weights]], batch_first: false, dropout: 0, training: true } as const;
      const { y, states } = recurrent(x, h && c ? [h, c] : null, options);
      return [y, ...states];
    },
    want: (x, ih, hh, bias, hr, h0, c0) => {
      let h: Nd = nd([N, P], ([n, k]) => (h0 ? at(h0, [0, n!, k!]) : 0));
      let c: Nd = nd([N, H], ([n, k]) => (c0 ? at(c0, [0, n!, k!]) : 0));
      const ys = range(L).map((t) => {
        const z = (gate: number, n: number, k: number) => {
          const row = gate * H + k;
          const own = sum(range(I).map((i) => at(ih, [row, i]) * at(x, [t, n, i])));
          return own + sum(range(P).map((p) => at(hh, [row, p]) * at(h, [n, p]))) + 2 * bias.data[row]!;
        };
        const cell = nd([N, H], ([n, k]) => {
          const kept = sigmoid(z(1, n!, k!)) * at(c, [n!, k!]);
          return kept + sigmoid(z(0, n!, k!)) * Math.tanh(z(2, n!, k!));
        });
        const inner = nd([N, H], ([n, k]) => sigmoid(z(3, n!, k!)) * Math.tanh(at(cell, [n!, k!])));
        c = cell;
        h = nd([N, P], ([n, p]) => sum(range(H).map((k) => at(hr, [p!, k]) * at(inner, [n!, k]))));
        return h;
      });
      const lead = (s: Nd): Nd => ({ shape: [1, ...s.shape], data: s.data });
      return [{ shape: [L, N, P], data: ys.flatMap((y) => y.data) }, lead(h), lead(c)];
    },
  }),
);

/** (Rᵀ v) of unit j for sample n. */
const turned = (r: Nd, v: Nd, t: number, j: number, n: number) =>
  sum(range(r.shape[0]!).map((k) => at(r, [k, j]) * at(v, [t, k, n])));

const cellGradients = [false, true].map(
  (reverse): Row => ({
    of: 'lstm: gradient',
    note: reverse ? 'reverse' : 'forward',
    inputs: [steps(4), weight(4), steps(1), steps(1), steps(1), state, state, steps(1)],
    run: (b, r, a, f, y, h, c, cs) => {
      const out = cellGradient({ b, a, f }, r, { y, h, c, cs }, { reverse });
      return [out.z, out.h, out.c, out.hs, out.cs];
    },
    want: (b, r, a, f, y, h0, c0, cs) => {
      const z = { shape: b.shape, data: new Array<number>(b.data.length).fill(0) };
      const [hs, all] = [y, y].map(({ shape, data }) => ({ shape, data: [...data] })) as [typeof z, typeof z];
      const place = (t: number, k: number, n: number, rows: number) => (t * rows + k) * N + n;
      let [h, c] = [h0, c0];
      for (const t of reverse ? range(L) : range(L).reverse()) {
        const dh = nd([H, N], ([k, n]) => at(y, [t, k!, n!]) + at(h, [k!, n!]));
        const dc = nd([H, N], ([k, n]) => {
          const through = at(a, [t, k!, n!]) * at(dh, [k!, n!]);
          return through + at(c, [k!, n!]) + at(cs, [t, k!, n!]);
        });
        for (const k of range(H))
          for (const n of range(N)) {
            hs.data[place(t, k, n, H)] = at(dh, [k, n]);
            all.data[place(t, k, n, H)] = at(dc, [k, n]);
            for (const gate of range(4)) {
              const g = at(gate === 3 ? dh : dc, [k, n]);
              z.data[place(t, gate * H + k, n, 4 * H)] = g * at(b, [t, gate * H + k, n]);
            }
          }
        h = nd([H, N], ([j, n]) => turned(r, z, t, j!, n!));
        c = nd([H, N], ([k, n]) => at(dc, [k!, n!]) * at(f, [t, k!, n!]));
      }
      return [z, h, c, hs, all];
    },
  }),
);

const stateGradients = [false, true].flatMap((reverse) =>
  [false, true].map(
    (keeps): Row => ({
      of: 'recurrence: gradient',
      note: `${reverse ? 'reverse' : 'forward'}${keeps ? ', keeping' : ''}`,
      inputs: [steps(3), weight(3), steps(1), state, ...(keeps ? [steps(1)] : [])],
      run: (k, r, y, h, keep) => {
        const out = stateGradient({ k, keep: keep ?? null }, r, { y, h }, { reverse });
        return [out.v, out.h, out.hs];
      },
      want: (k, r, y, h0, keep) => {
        const v = { shape: k.shape, data: [...k.data] };
        const hs = { shape: y.shape, data: [...y.data] };
        let h = h0;
        for (const t of reverse ? range(L) : range(L).reverse()) {
          const dh = nd([H, N], ([j, n]) => at(y, [t, j!, n!]) + at(h, [j!, n!]));
          for (const j of range(H))
            for (const n of range(N)) {
              hs.data[(t * H + j) * N + n] = at(dh, [j, n]);
              for (const row of range(3).map((gate) => gate * H + j)) {
                v.data[(t * 3 * H + row) * N + n] = at(k, [t, row, n]) * at(dh, [j, n]);
              }
            }
          h = nd([H, N], ([j, n]) => {
            const kept = keep ? at(keep, [t, j!, n!]) * at(dh, [j!, n!]) : 0;
            return turned(r, v, t, j!, n!) + kept;
          });
        }
        return [v, h, hs];
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
  ...projected,
  ...cellGradients,
  ...stateGradients,
];
