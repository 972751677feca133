import { describe, expect, test } from 'vitest';
import '../../ops/methods.ts';
import '../../autograd/backward.ts';
import '../../engine/evaluate.ts';
import { randn } from '../../ops/random.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { manualSeed } from '../../util/generator.ts';
import { MultiHeadAttention, MultiHeadAttentionChunk, MultiHeadAttentionWindow } from './ts-attention.ts';

const sizes = { d_model: 4, q: 3, v: 2, nhead: 2 };
const batch = 2;

/** Which keys (places of the sequence, and beyond its ends) a place attends to. */
type Seen = (place: number) => readonly number[];

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** The definition, number by number. */
async function reference(
  attention: MultiHeadAttention | MultiHeadAttentionChunk | MultiHeadAttentionWindow,
  [x, memory]: readonly [Tensor, Tensor],
  seen: Seen,
  divisor: number,
): Promise<number[][][]> {
  const rows = async (t: Tensor) => (await t.array()) as number[][][];
  const [q, k, v] = [
    await rows(attention._W_q.forward(x)),
    await rows(attention._W_k.forward(memory)),
    await rows(attention._W_v.forward(memory)),
  ];
  const at = (t: number[][][], place: number) => t[Math.min(Math.max(place, 0), t.length - 1)]!;
  const head = (row: number[], h: number, size: number) => row.slice(h * size, (h + 1) * size);
  return range(0, x.shape[0]!).map((i) =>
    range(0, batch).map((n) =>
      range(0, sizes.nhead).flatMap((h) => {
        const query = head(q[i]![n]!, h, sizes.q);
        const scores = seen(i).map((j) => {
          const key = head(at(k, j)[n]!, h, sizes.q);
          return Math.exp(query.reduce((sum, value, c) => sum + value * key[c]!, 0) / Math.sqrt(divisor));
        });
        const total = scores.reduce((a, b) => a + b, 0);
        return range(0, sizes.v).map((c) =>
          seen(i).reduce((sum, j, s) => sum + (scores[s]! / total) * head(at(v, j)[n]!, h, sizes.v)[c]!, 0),
        );
      }),
    ),
  );
}

interface Row {
  readonly mode: 'whole' | 'chunk' | 'window';
  readonly length: number;
  readonly attention_size: number | null;
  readonly future: boolean;
}

/** Pieces: how many, then how long. */
function piece(length: number, chunk: number): number {
  return Math.ceil(length / Math.max(1, Math.floor(length / chunk)));
}

const chunk_size = 4;
const [window_size, padding] = [6, 2];

function seenBy({ mode, length, attention_size, future }: Row): Seen {
  const far = attention_size ?? Number.POSITIVE_INFINITY;
  const near = (i: number) => (j: number) => i - j <= far && j - i <= (future ? 0 : far);
  if (mode === 'whole') {
    const causal = future || attention_size !== null;
    return (i) => range(0, length).filter((j) => i - j <= far && j - i <= (causal ? 0 : far));
  }
  const size = mode === 'chunk' ? piece(length, chunk_size) : window_size - 2 * padding;
  const reach = mode === 'chunk' ? 0 : padding;
  return (i) => {
    const first = Math.floor(i / size) * size;
    const end = mode === 'chunk' ? Math.min(first + size, length) : first + size;
    return range(first - reach, end + reach).filter(near(i));
  };
}

describe('attention of time series', () => {
  for (const mode of ['whole', 'chunk', 'window'] as const)
    for (const length of [1, 4, 7, 9, 11])
      for (const attention_size of [null, 0, 2])
        for (const future of [false, true]) {
          const row = { mode, length, attention_size, future };
          test(`${mode}, ${length} places, attention_size ${attention_size}${future ? ', no future' : ''}`, async () => {
            manualSeed(0);
            const type = {
              whole: MultiHeadAttention,
              chunk: MultiHeadAttentionChunk,
              window: MultiHeadAttentionWindow,
            };
            const attention = new type[mode]({ ...sizes, attention_size, chunk_size, window_size, padding });
            const inputs = [randn([length, batch, 4]), randn([length, batch, 4])] as const;
            const divisor = { whole: length, chunk: chunk_size, window: window_size }[mode];
            const contexts = await reference(attention, inputs, seenBy(row), divisor);
            const { weight, bias } = attention._W_o;
            const [w, b] = [(await weight.array()) as number[][], (await bias!.array()) as number[]];
            const y = attention.forward(...inputs, { future });
            const got = (await y.array()) as number[][][];
            for (const [i, place] of contexts.entries())
              for (const [n, context] of place.entries())
                for (const [o, shift] of b.entries()) {
                  const want = context.reduce((sum, value, c) => sum + value * w[o]![c]!, shift);
                  expect(got[i]![n]![o]).toBeCloseTo(want, 5);
                }
            y.sum().backward();
            for (const p of attention.parameters()) {
              if (!p.requiresGrad) continue;
              expect([...(await p.grad!.data())].every(Number.isFinite)).toBe(true);
            }
          });
        }
});
