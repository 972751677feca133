/** Einstein's sums: parsed as PyTorch does, carried out pair by pair as matrix products. */
import { isFloat } from '../tensor/dtype.ts';
import { expectTensor, type Tensor } from '../tensor/tensor.ts';
import { ArgError, ShapeError } from '../util/errors.ts';
import { transposedMatmul } from './matmul.ts';

/** A tensor with a label for each dimension: a letter, or a place in the ellipsis. */
interface Term {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

/** The labels of one operand's (or the output's) subscripts; '...' stands among them as one. */
function subscripts(text: string, whose: string, from: number): string[] {
  const labels: string[] = [];
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (letter === ' ') continue;
    if (letter === '.') {
      if (labels.includes('...')) {
        throw new ArgError(`einsum(): found '.' for ${whose} for which an ellipsis was already found`);
      }
      if (!text.startsWith('...', i)) {
        throw new ArgError(`einsum(): found '.' for ${whose} that is not part of any ellipsis`);
      }
      labels.push('...');
      i += 2;
    } else if (/[a-zA-Z]/.test(letter)) labels.push(letter);
    else {
      throw new ArgError(
        `einsum(): invalid subscript given at index ${from + i} in the equation string, subscripts must be in [a-zA-Z]`,
      );
    }
  }
  return labels;
}

/** Labels of the operands, with the ellipses' dimensions numbered from the last, and of the output. */
function parse(equation: string, operands: readonly Tensor[]): { terms: Term[]; output: string[] } {
  const arrow = equation.indexOf('->');
  const left = (arrow < 0 ? equation : equation.slice(0, arrow)).split(',');
  if (left.length !== operands.length) {
    const which = left.length > operands.length ? 'fewer' : 'more';
    throw new ArgError(`einsum(): ${which} operands were provided than specified in the equation`);
  }
  let place = 0;
  const found = left.map((text, i) => {
    place += text.length + 1;
    return subscripts(text, `operand ${i}`, place - text.length - 1);
  });
  const terms = found.map((labels, i): Term => ({ x: operands[i]!, labels: numbered(labels, operands[i]!.ndim, i) }));
  const all = terms.flatMap((term) => term.labels);
  const ellipsis = [...new Set(all.filter((label) => label.startsWith('.')))].sort((a, b) => rankOf(b) - rankOf(a));
  if (arrow >= 0) {
    const given = subscripts(equation.slice(arrow + 2), 'the output', arrow + 2);
    const output = given.flatMap((label) => (label === '...' ? ellipsis : [label]));
    checkOutput(output, all);
    return { terms, output };
  }
  // what appears once, in the order of the alphabet
  const once = all.filter((label) => !label.startsWith('.') && all.indexOf(label) === all.lastIndexOf(label));
  return { terms, output: [...ellipsis, ...once.sort()] };
}
const rankOf = (label: string) => Number(label.slice(1));

function numbered(labels: readonly string[], rank: number, operand: number): string[] {
  const open = labels.includes('...');
  const letters = labels.length - Number(open);
  if (open ? letters > rank : letters !== rank) {
    const relation = open
      ? `is more than the number of dimensions (${rank}) for operand ${operand}`
      : `does not match the number of dimensions (${rank}) for operand ${operand} and no ellipsis was given`;
    throw new ShapeError(`einsum(): the number of subscripts in the equation (${letters}) ${relation}`);
  }
  const hidden = Array.from({ length: rank - letters }, (_, i) => `.${rank - letters - 1 - i}`);
  return labels.flatMap((label) => (label === '...' ? hidden : [label]));
}

function checkOutput(output: readonly string[], known: readonly string[]): void {
  output.forEach((label, i) => {
    if (output.indexOf(label) !== i) {
      throw new ArgError(`einsum(): output subscript ${label} appears more than once in the output`);
    }
    if (!known.includes(label)) {
      throw new ArgError(`einsum(): output subscript ${label} does not appear in the equation for any input operand`);
    }
  });
}

/** Each label once: of repeated ones the diagonal. */
function withoutRepeats({ x, labels }: Term, operand: number): Term {
  const second = labels.findIndex((label, i) => labels.indexOf(label) < i);
  if (second < 0) return { x, labels };
  const label = labels[second]!;
  const first = labels.indexOf(label);
  if (x.shape[first] !== x.shape[second]) {
    throw new ShapeError(
      `einsum(): subscript ${label} is repeated for operand ${operand} but the sizes don't match, ${x.shape[second]} != ${x.shape[first]}`,
    );
  }
  const rest = labels.filter((_, i) => i !== first && i !== second);
  return withoutRepeats({ x: x.diagonal({ dim1: first, dim2: second }), labels: [...rest, label] }, operand);
}

/** The size of each label; dimensions of size 1 that meet others are dropped, since they broadcast. */
function withSizes(terms: readonly Term[]): Term[] {
  const sizes = new Map<string, number>();
  terms.forEach(({ x, labels }, operand) => {
    labels.forEach((label, i) => {
      const [size, seen] = [x.shape[i]!, sizes.get(label) ?? 1];
      if (size !== 1 && seen !== 1 && size !== seen) {
        const what = label.startsWith('.')
          ? `dimension ${i} covered by ellipsis in operand ${operand} has size ${size}`
          : `subscript ${label} has size ${size} for operand ${operand}`;
        throw new ShapeError(`einsum(): ${what} which does not broadcast with previously seen size ${seen}`);
      }
      if (size !== 1 || !sizes.has(label)) sizes.set(label, size);
    });
  });
  return terms.map(({ x, labels }) => {
    const idle = labels.map((label, i) => x.shape[i] === 1 && sizes.get(label) !== 1);
    return {
      x: x.reshape(x.shape.filter((_, i) => !idle[i])),
      labels: labels.filter((_, i) => !idle[i]),
    };
  });
}

/** Summed over all labels but the wanted ones. */
function summed({ x, labels }: Term, wanted: (label: string) => boolean): Term {
  const dim = labels.flatMap((label, i) => (wanted(label) ? [] : [i]));
  return dim.length === 0 ? { x, labels } : { x: x.sum({ dim }).to(x.dtype), labels: labels.filter(wanted) };
}

/** The dimensions in groups, each made one. */
function grouped({ x, labels }: Term, groups: readonly (readonly string[])[]): Tensor {
  const sizes = groups.map((group) => group.reduce((n, label) => n * x.shape[labels.indexOf(label)]!, 1));
  return x.permute(groups.flat().map((label) => labels.indexOf(label))).reshape(sizes);
}

/** A term as a stack of matrices, or of their transposes where that is how its dimensions stand. */
function matrices(term: Term, batch: readonly string[], rows: readonly string[], columns: readonly string[]) {
  const stands = (...groups: (readonly string[])[]) => groups.flat().every((label, i) => label === term.labels[i]);
  const transposed = isFloat(term.x.dtype) && stands(batch, columns, rows) && !stands(batch, rows, columns);
  const sides = transposed ? [columns, rows] : [rows, columns];
  return { x: grouped(term, batch.length === 0 ? sides : [batch, ...sides]), transposed };
}
function multiplied(a: Term, b: Term, batch: string[], rows: string[], inner: string[], columns: string[]): Tensor {
  const [left, right] = [matrices(a, batch, rows, inner), matrices(b, batch, inner, columns)];
  if (!left.transposed && !right.transposed) return left.x.matmul(right.x);
  return transposedMatmul(left.x, right.x, { transA: left.transposed, transB: right.transposed });
}

/** The product of two terms, summed over what both have and nobody wants any more. */
function contract(left: Term, right: Term, later: ReadonlySet<string>): Term {
  const a = summed(left, (label) => later.has(label) || right.labels.includes(label));
  const b = summed(right, (label) => later.has(label) || left.labels.includes(label));
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const [batch, inner] = [shared.filter((l) => later.has(l)), shared.filter((l) => !later.has(l))];
  const [rows, columns] = [a.labels.filter((l) => !shared.includes(l)), b.labels.filter((l) => !shared.includes(l))];
  const labels = [...batch, ...rows, ...columns];
  const sizeOf = (label: string) =>
    (a.labels.includes(label) ? a : b).x.shape[(a.labels.includes(label) ? a : b).labels.indexOf(label)]!;
  const product = () => {
    if (inner.length === 0) return grouped(a, [batch, rows, []]).mul(grouped(b, [batch, [], columns]));
    if (rows.length + columns.length > 0 || batch.length === 0) return multiplied(a, b, batch, rows, inner, columns);
    return grouped(a, [batch, inner])
      .mul(grouped(b, [batch, inner]))
      .sum({ dim: 1 })
      .to(a.x.dtype);
  };
  return { x: product().reshape(labels.map(sizeOf)), labels };
}

/** Sums of products by the subscripts of an equation, such as `einsum('bij,bjk->bik', x, y)`. https://pytorch.org/docs/stable/generated/torch.einsum.html */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  if (typeof equation !== 'string' || operands.length === 0) {
    throw new ArgError('einsum(): must specify the equation string and at least one operand');
  }
  for (const x of operands) expectTensor('einsum', x);
  const odd = operands.find((x) => x.dtype !== operands[0]!.dtype);
  if (odd)
    throw new ArgError(
      `einsum(): expected all operands to have the same dtype, but got ${operands[0]!.dtype} and ${odd.dtype}`,
    );
  const { terms, output } = parse(equation, operands);
  const [first, ...others] = withSizes(terms.map(withoutRepeats));
  const result = others.reduce((sofar, term, i) => {
    const later = new Set([...output, ...others.slice(i + 1).flatMap((other) => other.labels)]);
    return contract(sofar, term, later);
  }, first!);
  const { x, labels } = summed(result, (label) => output.includes(label));
  return x.permute(output.map((label) => labels.indexOf(label)));
}
