/** The gated recurrent unit, as PyTorch has it: the reset gate works on the product of the state. */

import { constant } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import type { Aval, Tensor } from '../tensor/tensor.ts';
import { gradient } from './linear-recurrence.ts';
import { linear } from './matmul.ts';
import { cat } from './movement.ts';
import { after, before, columns, type Direction, macs, project, sigmoidSlope, tanhSlope } from './recurrent.ts';

/**
 * With the gates r z n in x and in R: r and z are σ(x + R h), q = R h + b, n = tanh(x + r q), h' = (1 - z) n + z h.
 *
 * x [L, 3H, N] (the input's part, with the biases but b), R [3H, H], b [H, 1], h [H, N]; h of all steps, the last, and of all
 * steps what r and z are sigmoids of [L, 2H, N], and q.
 */
const gruOp: Op<Direction> = {
  name: 'gru',
  infer: ([x, , , h]) => {
    const [l, gates, n] = x!.shape as [number, number, number];
    const steps = (size: number): Aval => ({ shape: [l, size, n], dtype: x!.dtype });
    return [steps(gates / 3), h!, steps((2 * gates) / 3), steps(gates / 3)];
  },
  grad: {
    several: ([gy, gh, gp, gq], [y, , p, q], [x, r, , h], direction) => {
      const size = h!.shape[0]!;
      const hs = before(y!, h!, direction);
      const { k, keep, kn } = slopesOf(x!.narrow(1, 2 * size, size), p!, q!, hs);
      const given = { y: gy ?? constant(0, y!), h: gh ?? constant(0, h!) };
      // what reaches the gates at one step without h (when someone differentiates twice) goes on to the h before it
      const gv = gp || gq ? cat([gp ?? constant(0, p!), gq ?? constant(0, q!)], { dim: 1 }) : null;
      const aside = gv ? after(project(r!.t(), gv), direction) : null;
      if (aside) given.y = given.y.add(aside.steps);
      const back = gradient({ k, keep }, r!, given, direction);
      const dv = gv ? back.v.add(gv) : back.v;
      const dx = cat([dv.narrow(1, 0, 2 * size), back.hs.mul(kn)], { dim: 1 });
      const db = columns(dv.narrow(1, 2 * size, size)).sum({ dim: 1, keepdim: true });
      return [dx, linear(columns(dv), columns(hs)), db, aside ? back.h.add(aside.first) : back.h];
    },
  },
  lower: (b, [x, r, bias, h], { reverse }, [out]) => {
    const size = out!.shape[1]!;
    const [parts, pair] = [b.ints([2 * size, size]), b.ints([size, size])];
    const { states, sequences } = b.scan({ states: [h!], sequences: [x!], reverse }, (s, [h], [x]) => {
      const halves = (v: string, sizes: string) =>
        s.nodes('Split', [v, sizes], [true, true], { axis: 0 }) as [string, string];
      const [products, product] = halves(s.node('MatMul', [r!, h!]), parts);
      const [xrz, xn] = halves(x!, parts);
      const p = s.node('Add', [products, xrz]);
      const [reset, keep] = halves(s.node('Sigmoid', [p]), pair);
      const q = s.node('Add', [product, bias!]);
      const n = s.node('Tanh', [s.node('Add', [xn, s.node('Mul', [reset, q])])]);
      const next = s.node('Add', [n, s.node('Mul', [keep, s.node('Sub', [h!, n])])]);
      return { states: [next], slices: [next, p, q] };
    });
    const [ys, ps, qs] = sequences;
    return [ys!, states[0]!, ps!, qs!];
  },
  macs,
  serial: true,
};

/** The slopes of h' by what r, z and q, and (kn) by what n is of, from those at all steps and the h before. */
function slopesOf(xn: Tensor, p: Tensor, q: Tensor, h: Tensor) {
  const [r, z] = p.sigmoid().chunk(2, { dim: 1 }) as [Tensor, Tensor];
  const n = xn.add(r.mul(q)).tanh();
  const kn = z.neg().add(1).mul(tanhSlope(n));
  const kr = kn.mul(q).mul(sigmoidSlope(r));
  const kz = h.sub(n).mul(sigmoidSlope(z));
  return { k: cat([kr, kz, kn.mul(r)], { dim: 1 }), keep: z, kn };
}

/** x [L, 3H, N] with the gates r z n, weight [3H, H], bias [H, 1], h [H, N]: h of all steps, and the last. */
export function gru(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  h: Tensor,
  direction: Direction,
): { y: Tensor; h: Tensor } {
  const [y, last] = several(gruOp, [x, weight, bias, h], direction);
  return { y: y!, h: last! };
}
