/** The gradient and the tangent of networks with one state, RNN and GRU. */

import { constant } from '../tensor/constant.ts';
import type { Op } from '../tensor/op.ts';
import { several } from '../tensor/outputs.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { linear } from './matmul.ts';
import { cat } from './movement.ts';
import { before, columns, type Direction, macs, project } from './recurrent.ts';

/** How a step depends on the one before and on its gates v: dh = Σ k dv + keep dh', summed over the gates. */
export interface Slopes {
  /** [L, K, N], for K / H gates. */
  readonly k: Tensor;
  /** [L, H, N], if some of the state is kept as it is. */
  readonly keep: Tensor | null;
}

/**
 * Against the direction: dh = y + Rᵀ dv' + keep' dh', dv = k [dh … dh], where ' is the step walked before.
 *
 * Operands k, R, y, the h that comes in, keep; dv of all steps, what goes out of h, dh of all steps.
 */
const gradientOp: Op<Direction> = {
  name: 'recurrence_gradient',
  infer: ([k, , y, h]) => [k!, h!, y!],
  grad: {
    several: ([gv, gh, gdh], [dv, , dh], [k, r, y, h, keep], direction) => {
      const given = { v: gv ?? constant(0, k!), h: gh ?? constant(0, h!) };
      const on = tangent({ k: k!, keep: keep ?? null }, r!, { ...given, hs: gdh ?? constant(0, y!) }, direction);
      const [dk, dr, ...dkeep] = coefficients(given, on.hs, { v: dv!, hs: dh! }, r!, keep !== undefined, direction);
      return [dk!, dr!, on.hs, on.h, ...dkeep];
    },
  },
  lower: (b, [k, r, y, h, keep], { reverse }, [gates, state], _ins, used) => {
    const turned = b.transpose(r!, [1, 0]);
    const count = gates!.shape[1]! / state!.shape[0]!;
    const start = { states: [h!], sequences: [k!, y!, ...(keep ? [keep] : [])], reverse: !reverse };
    const { states, sequences } = b.scan(start, (s, [h], [k, y, keep]) => {
      const dh = s.node('Add', [h!, y!]);
      const each = count === 1 ? dh : s.node('Concat', new Array<string>(count).fill(dh), { axis: 0 });
      const dv = s.node('Mul', [each, k!]);
      const back = s.node('MatMul', [turned, dv]);
      const next = keep ? s.node('Add', [back, s.node('Mul', [dh, keep])]) : back;
      return { states: [next], slices: [dv, ...(used[2] ? [dh] : [])] };
    });
    return [sequences[0]!, states[0]!, used[2] ? sequences[1]! : ''];
  },
  macs,
  serial: true,
};

/** From the gradients y of h at all steps and h of the last: those of the gates at all steps, of h at all steps, and of the first h. */
export function gradient(
  { k, keep }: Slopes,
  r: Tensor,
  { y, h }: { readonly y: Tensor; readonly h: Tensor },
  direction: Direction,
): { v: Tensor; h: Tensor; hs: Tensor } {
  const [v, last, hs] = several(gradientOp, [k, r, y, h, ...(keep ? [keep] : [])], direction);
  return { v: v!, h: last!, hs: hs! };
}

/** In the direction: h = Σ k (v + R h') + keep h' + hs. Operands k, R, v, the h that comes in, hs, keep; h of all steps, the last. */
const tangentOp: Op<Direction> = {
  name: 'recurrence_tangent',
  infer: ([, , , h, hs]) => [hs!, h!],
  grad: {
    several: ([gh, last], [hs], [k, r, v, h, , keep], direction) => {
      const given = { y: gh ?? constant(0, hs!), h: last ?? constant(0, h!) };
      const back = gradient({ k: k!, keep: keep ?? null }, r!, given, direction);
      const [dk, dr, ...dkeep] = coefficients({ v: v!, h: h! }, hs!, back, r!, keep !== undefined, direction);
      return [dk!, dr!, back.v, back.h, back.hs, ...dkeep];
    },
  },
  lower: (b, [k, r, v, h, hs, keep], { reverse }, [out], [gates]) => {
    const size = out!.shape[1]!;
    const sizes = new Array<number>(gates!.shape[1]! / size).fill(size);
    const start = { states: [h!], sequences: [k!, v!, hs!, ...(keep ? [keep] : [])], reverse };
    const { states, sequences } = b.scan(start, (s, [h], [k, v, hs, keep]) => {
      const moved = s.node('Mul', [s.node('Add', [s.node('MatMul', [r!, h!]), v!]), k!]);
      const wanted = sizes.map(() => true);
      const parts = sizes.length === 1 ? [moved] : s.nodes('Split', [moved, b.ints(sizes)], wanted, { axis: 0 });
      const next = s.node('Sum', [...parts, hs!, ...(keep ? [s.node('Mul', [h!, keep])] : [])]);
      return { states: [next], slices: [next] };
    });
    return [sequences[0]!, states[0]!];
  },
  macs,
  serial: true,
};

function tangent(
  { k, keep }: Slopes,
  r: Tensor,
  { v, h, hs }: { readonly v: Tensor; readonly h: Tensor; readonly hs: Tensor },
  direction: Direction,
) {
  const [all, last] = several(tangentOp, [k, r, v, h, hs, ...(keep ? [keep] : [])], direction);
  return { hs: all!, h: last! };
}

/** Gradients of k, R and keep, the same for both: what the one recurrence brings along meets what the other does. */
function coefficients(
  given: { readonly v: Tensor; readonly h: Tensor },
  hs: Tensor,
  back: { readonly v: Tensor; readonly hs: Tensor },
  r: Tensor,
  keeps: boolean,
  direction: Direction,
): Tensor[] {
  const h = before(hs, given.h, direction);
  const v = given.v.add(project(r, h));
  const copies = new Array<Tensor>(v.shape[1]! / h.shape[1]!).fill(back.hs);
  const dk = v.mul(cat(copies, { dim: 1 }));
  return [dk, linear(columns(back.v), columns(h)), ...(keeps ? [h.mul(back.hs)] : [])];
}
