import { describe, expect, test } from 'vitest';
import { createSession, runtime } from '../runtime/session.ts';
import { GraphBuilder } from './builder.ts';

/** Run a graph of float32 values: inputs and outputs by their shapes. */
async function run(
  inputs: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[],
  outputs: readonly (readonly number[])[],
  make: (b: GraphBuilder, inputs: readonly string[]) => readonly string[],
  optimize: 'disabled' | 'all' = 'disabled',
): Promise<number[][]> {
  const b = new GraphBuilder();
  const names = inputs.map(({ shape }, i) => b.input(`x${i}`, 'float32', shape));
  const made = make(b, names);
  const wanted = outputs.map((shape, i) => b.output(made[i]!, 'float32', shape).name);
  const session = await createSession(b.finish(), { threads: 1, optimize });
  const { Tensor } = (await runtime()).ort;
  const feeds = inputs.map(({ shape, data }) => new Tensor('float32', Float32Array.from(data), shape));
  const results = await session.run(
    Object.fromEntries(names.map((name, i) => [name, feeds[i]!])),
    Object.fromEntries(wanted.map((name) => [name, null])),
  );
  await session.release();
  return wanted.map((name) => Array.from(results[name]!.data as Float32Array));
}

const x = { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] };
const zero = { shape: [2], data: [0, 0] };
const sum = { shape: [3, 2], data: [0] };

describe.each(['disabled', 'all'] as const)('scan, optimisation %s', (optimize) => {
  test('sums from either end, one slice a step', async () => {
    for (const [reverse, want] of [
      [false, [1, 2, 4, 6, 9, 12]],
      [true, [9, 12, 8, 10, 5, 6]],
    ] as const) {
      const [last, all] = await run(
        [x, zero],
        [[2], sum.shape],
        (b, [xs, start]) => {
          const { states, sequences } = b.scan({ states: [start!], sequences: [xs!], reverse }, (inner, [s], [row]) => {
            const next = inner.node('Add', [s!, row!]);
            return { states: [next], slices: [next] };
          });
          return [states[0]!, sequences[0]!];
        },
        optimize,
      );
      expect(all).toEqual(want);
      expect(last).toEqual([9, 12]);
    }
  });

  test('bodies that differ stay apart; what is around them may be named', async () => {
    const [a, b, c] = await run(
      [x, zero],
      [[2], [2], x.shape],
      (g, [xs, start]) => {
        const twice = g.node('Mul', [start!, g.floats([2, 2])]);
        const walk = (opType: string) =>
          g.scan({ states: [start!], sequences: [xs!] }, (inner, [s], [row]) => {
            // the same node in both bodies, and once outside
            const grown = inner.node('Add', [inner.node(opType, [s!, row!]), inner.floats([1, 1])]);
            return { states: [grown], slices: [inner.node('Mul', [start!, g.floats([2, 2])]), twice, row!] };
          });
        const [p, q] = [walk('Add'), walk('Sub')];
        return [p.states[0]!, q.states[0]!, p.sequences[2]!];
      },
      optimize,
    );
    expect([a, b, c]).toEqual([[12, 15], [-6, -9], x.data]);
  });

  test('one inside another', async () => {
    const [out] = await run(
      [x, zero],
      [[2]],
      (g, [xs, start]) => {
        const { states } = g.scan({ states: [start!], sequences: [xs!] }, (outer, [s], [row]) => {
          const deep = outer.scan({ states: [s!], sequences: [xs!] }, (inner, [t], [other]) => ({
            states: [inner.node('Add', [t!, inner.node('Mul', [row!, other!])])],
            slices: [],
          }));
          return { states: deep.states, slices: [] };
        });
        return [states[0]!];
      },
      optimize,
    );
    // (1 + 3 + 5)², (2 + 4 + 6)²
    expect(out).toEqual([81, 144]);
  });
});

test('a result asked for twice has two names', async () => {
  const [a, b] = await run([zero], [[2], [2]], (g, [z]) => {
    const e = g.node('Exp', [z!]);
    return [e, e];
  });
  expect([a, b]).toEqual([
    [1, 1],
    [1, 1],
  ]);
});
