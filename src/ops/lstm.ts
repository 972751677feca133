/** The long short-term memory, its gradient and its tangent. */

import { constant } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import type { Aval, Tensor } from '../tensor/tensor.ts';
import { linear } from './matmul.ts';
import { cat } from './movement.ts';
import { after, before, columns, type Direction, macs, project, sigmoidSlope, tanhSlope } from './recurrent.ts';

/**
 * z = x + R h, with the gates i f g o in z; c' = σ(f) c + σ(i) tanh(g); h' = σ(o) tanh(c').
 *
 * x [L, 4H, N] (the input's part, with the biases), R [4H, H], h and c [H, N]; h of all steps, the last h and c, c and z of all
 * steps.
 */
const lstmOp: Op<Direction> = {
  name: 'lstm',
  infer: ([x, , h, c]) => {
    const steps: Aval = { shape: [x!.shape[0]!, ...h!.shape], dtype: x!.dtype };
    return [steps, h!, c!, steps, x!];
  },
  grad: {
    several: ([gy, gh, gc, gcs, gz], [y, , , cs, z], [, r, h, c], direction) => {
      const slopes = slopesOf(z!, cs!, before(cs!, c!, direction));
      const given = { y: gy ?? constant(0, y!), h: gh ?? constant(0, h!), c: gc ?? constant(0, c!), cs: gcs ?? null };
      // what reaches z at one step without h (when someone differentiates twice) goes on to the h before it
      const aside = gz ? after(project(r!.t(), gz), direction) : null;
      if (aside) given.y = given.y.add(aside.steps);
      const back = gradient(slopes, r!, given, direction);
      const dz = gz ? back.z.add(gz) : back.z;
      const dr = linear(columns(dz), columns(before(y!, h!, direction)));
      return [dz, dr, aside ? back.h.add(aside.first) : back.h, back.c];
    },
  },
  lower: (b, [x, r, h, c], { reverse }, [out]) => {
    const size = out!.shape[1]!;
    const [gates, pair] = [b.ints([2 * size, size, size]), b.ints([size, size])];
    const { states, sequences } = b.scan({ states: [h!, c!], sequences: [x!], reverse }, (s, [h, c], [x]) => {
      const z = s.node('Add', [s.node('MatMul', [r!, h!]), x!]);
      const [zif, zg, zo] = s.nodes('Split', [z, gates], [true, true, true], { axis: 0 });
      const [i, f] = s.nodes('Split', [s.node('Sigmoid', [zif!]), pair], [true, true], { axis: 0 });
      const added = s.node('Mul', [i!, s.node('Tanh', [zg!])]);
      const cell = s.node('Add', [s.node('Mul', [f!, c!]), added]);
      const hidden = s.node('Mul', [s.node('Sigmoid', [zo!]), s.node('Tanh', [cell])]);
      return { states: [hidden, cell], slices: [hidden, cell, z] };
    });
    const [ys, cs, zs] = sequences;
    return [ys!, states[0]!, states[1]!, cs!, zs!];
  },
  macs,
  serial: true,
};

/** The last h and c, and h of all steps. */
export interface Remembered {
  readonly y: Tensor;
  readonly h: Tensor;
  readonly c: Tensor;
}

/** x [L, 4H, N] with the gates i f g o, weight [4H, H], h and c [H, N]. */
export function lstm(x: Tensor, weight: Tensor, h: Tensor, c: Tensor, direction: Direction): Remembered {
  const [y, lastH, lastC] = several(lstmOp, [x, weight, h, c], direction) as [Tensor, Tensor, Tensor];
  return { y, h: lastH, c: lastC };
}

/** How a step depends on the one before and on z: dc' = Σ_ifg b dz + f dc, dh' = b_o dz_o + a dc'. */
interface Slopes {
  readonly b: Tensor;
  readonly a: Tensor;
  readonly f: Tensor;
}

function slopesOf(z: Tensor, cells: Tensor, cellsBefore: Tensor): Slopes {
  const [zi, zf, zg, zo] = z.chunk(4, { dim: 1 }) as [Tensor, Tensor, Tensor, Tensor];
  const [i, f, g, o, t] = [zi.sigmoid(), zf.sigmoid(), zg.tanh(), zo.sigmoid(), cells.tanh()];
  const b = [g.mul(sigmoidSlope(i)), cellsBefore.mul(sigmoidSlope(f)), i.mul(tanhSlope(g)), t.mul(sigmoidSlope(o))];
  return { b: cat(b, { dim: 1 }), a: o.mul(tanhSlope(t)), f };
}

/**
 * Against the direction: dh = y + Rᵀ dz', dc = a dh + f' dc' (+ cs), dz = b [dc dc dc dh], where ' is the step walked before.
 *
 * Operands b, R, a, f, y, the h and c that come in, cs; dz of all steps, what goes out of h and c, dh and dc of all steps.
 */
const gradientOp: Op<Direction> = {
  name: 'lstm_gradient',
  infer: ([b, , , , y, h, c]) => [b!, h!, c!, y!, y!],
  grad: {
    several: ([gz, gh, gc, gdh, gdc], [dz, , , dh, dc], [b, r, a, f, , h, c, cs], direction) => {
      const given = { z: gz ?? constant(0, b!), h: gh ?? constant(0, h!), c: gc ?? constant(0, c!) };
      const on = tangent({ b: b!, a: a!, f: f! }, r!, { ...given, hs: gdh ?? null, cs: gdc ?? null }, direction);
      const own = coefficients(given, on, { z: dz!, hs: dh!, cs: dc! }, r!, direction);
      return [...own, on.hs, on.h, on.c, ...(cs ? [on.cs] : [])];
    },
  },
  lower: (b, [slopes, r, a, f, y, h, c, cs], { reverse }, _out, _ins, used) => {
    const turned = b.transpose(r!, [1, 0]);
    const start = { states: [h!, c!], sequences: [slopes!, a!, f!, y!, ...(cs ? [cs] : [])], reverse: !reverse };
    const { states, sequences } = b.scan(start, (s, [h, c], [slopes, a, f, y, cs]) => {
      const dh = s.node('Add', [h!, y!]);
      const through = s.node('Add', [s.node('Mul', [dh, a!]), c!]);
      const dc = cs ? s.node('Add', [through, cs]) : through;
      const dz = s.node('Mul', [s.node('Concat', [dc, dc, dc, dh], { axis: 0 }), slopes!]);
      const slices = [dz, ...(used[3] ? [dh] : []), ...(used[4] ? [dc] : [])];
      return { states: [s.node('MatMul', [turned, dz]), s.node('Mul', [dc, f!])], slices };
    });
    return [sequences[0]!, ...states, used[3] ? sequences[1]! : '', used[4] ? sequences.at(-1)! : ''];
  },
  macs,
  serial: true,
};

/** From the gradients y of h, and cs of c, at all steps, and h and c of the last: those of z, of h and c at all steps, of the first. */
export function gradient(
  { b, a, f }: Slopes,
  r: Tensor,
  { y, h, c, cs }: Remembered & { readonly cs: Tensor | null },
  direction: Direction,
) {
  const [z, lastH, lastC, hs, all] = several(gradientOp, [b, r, a, f, y, h, c, ...(cs ? [cs] : [])], direction);
  return { z: z!, h: lastH!, c: lastC!, hs: hs!, cs: all! };
}

/**
 * In the direction: v = z + R h', c = Σ_ifg b v + f c' (+ cs), h = b_o v_o + a c (+ hs): the gradient's gradient.
 *
 * Operands b, R, a, f, z, the h and c that come in, hs and cs; h and c of all steps, the last h and c.
 */
const tangentOp: Op<Direction> = {
  name: 'lstm_tangent',
  infer: ([, , a, , , h, c]) => [a!, a!, h!, c!],
  grad: {
    several: ([gh, gc, lastH, lastC], [hs, cs], [b, r, a, f, z, h, c], direction) => {
      const given = {
        y: gh ?? constant(0, a!),
        h: lastH ?? constant(0, h!),
        c: lastC ?? constant(0, c!),
        cs: gc ?? null,
      };
      const back = gradient({ b: b!, a: a!, f: f! }, r!, given, direction);
      const own = coefficients({ z: z!, h: h!, c: c! }, { hs: hs!, cs: cs! }, back, r!, direction);
      return [...own, back.z, back.h, back.c, back.hs, back.cs];
    },
  },
  lower: (b, [slopes, r, a, f, z, h, c, hs, cs], { reverse }, [out]) => {
    const gates = b.ints(new Array<number>(4).fill(out!.shape[1]!));
    const start = { states: [h!, c!], sequences: [slopes!, a!, f!, z!, hs!, cs!], reverse };
    const { states, sequences } = b.scan(start, (s, [h, c], [slopes, a, f, z, hs, cs]) => {
      const v = s.node('Add', [s.node('MatMul', [r!, h!]), z!]);
      const parts = s.nodes('Split', [s.node('Mul', [v, slopes!]), gates], [true, true, true, true], { axis: 0 });
      const cell = s.node('Sum', [...parts.slice(0, 3), s.node('Mul', [c!, f!]), cs!]);
      const hidden = s.node('Sum', [parts[3]!, s.node('Mul', [cell, a!]), hs!]);
      return { states: [hidden, cell], slices: [hidden, cell] };
    });
    return [...sequences, ...states];
  },
  macs,
  serial: true,
};

interface Tangent {
  readonly z: Tensor;
  readonly h: Tensor;
  readonly c: Tensor;
  readonly hs: Tensor | null;
  readonly cs: Tensor | null;
}

function tangent({ b, a, f }: Slopes, r: Tensor, { z, h, c, hs, cs }: Tangent, direction: Direction) {
  const extra = [hs ?? constant(0, a), cs ?? constant(0, a)];
  const [ys, all, lastH, lastC] = several(tangentOp, [b, r, a, f, z, h, c, ...extra], direction);
  return { hs: ys!, cs: all!, h: lastH!, c: lastC! };
}

/** Gradients of b, R, a and f, the same for both: what the one recurrence brings along meets what the other does. */
function coefficients(
  given: { readonly z: Tensor; readonly h: Tensor; readonly c: Tensor },
  on: { readonly hs: Tensor; readonly cs: Tensor },
  back: { readonly z: Tensor; readonly hs: Tensor; readonly cs: Tensor },
  r: Tensor,
  direction: Direction,
): Tensor[] {
  const h = before(on.hs, given.h, direction);
  const v = given.z.add(project(r, h));
  const b = v.mul(cat([back.cs, back.cs, back.cs, back.hs], { dim: 1 }));
  const c = before(on.cs, given.c, direction);
  return [b, linear(columns(back.z), columns(h)), on.cs.mul(back.hs), c.mul(back.cs)];
}
