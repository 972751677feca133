/** Connectionist temporal classification: the shapes and checks around `ops/ctc.ts`. */

import { where } from '../../ops/compare.ts';
import { tensor } from '../../ops/create.ts';
import { type Alignments, ctc } from '../../ops/ctc.ts';
import { cat, stack } from '../../ops/movement.ts';
import { constant, literal } from '../../tensor/constant.ts';
import { showShape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { ArgError, ShapeError } from '../../util/errors.ts';
import {
  asLabels,
  checkReduction,
  findKnown,
  indexable,
  isKnown,
  type LossOptions,
  range,
  reduced,
} from './loss-shared.ts';

const who = 'ctc_loss';

export interface CtcOptions extends LossOptions {
  readonly blank?: number | undefined;
  readonly zero_infinity?: boolean | undefined;
}

/**
 * -log of the probability that log-probabilities [T, N, C] (or [T, C]) give to sequences of labels, summed over all alignments.
 *
 * Targets are padded, [N, S], or one after the other, [Σ target_lengths]; lengths are tensors [N] or arrays. `mean` divides each
 * loss by its target length (at least 1) first. A target that does not fit in its input has an infinite loss, or with
 * `zero_infinity` 0 and no gradient. The gradient is PyTorch's, right behind a log_softmax, and cannot be differentiated again.
 */
export function ctcLoss(
  log_probs: Tensor,
  targets: Tensor,
  input_lengths: Tensor | readonly number[],
  target_lengths: Tensor | readonly number[],
  { blank = 0, reduction = 'mean', zero_infinity = false }: CtcOptions = {},
): Tensor {
  checkReduction(reduction);
  const x = log_probs.ndim === 2 ? log_probs.unsqueeze(1) : log_probs;
  const [steps, batch, classes] = checkProbabilities(x, blank);
  const inputs = lengths('input_lengths', input_lengths, batch, steps);
  const labels = lengths('target_lengths', target_lengths, batch, Number.POSITIVE_INFINITY);
  const padded = padTargets(targets, labels, batch);
  const checked = checkLabels(targets, labels, classes);
  const loss = ctc(
    x,
    alignments(x, indexable(padded, classes, checked), inputs.tensor, labels.tensor, blank),
    zero_infinity,
  );
  const finite = zero_infinity ? where(loss.eq(Infinity), 0, loss) : loss;
  const each = reduction === 'mean' ? finite.div(labels.tensor.to(x.dtype).clamp({ min: 1 })) : finite;
  return reduced(log_probs.ndim === 2 ? each.squeeze(0) : each, reduction, log_probs);
}

function checkProbabilities({ shape, dtype }: Tensor, blank: number): [steps: number, batch: number, classes: number] {
  if (shape.length !== 3) {
    throw new ShapeError(`${who}: expected log_probs of shape [T, N, C] or [T, C], got ${showShape(shape)}`);
  }
  if (shape.includes(0)) throw new ShapeError(`${who}: log_probs tensor must not be empty, got ${showShape(shape)}`);
  if (dtype !== 'float32' && dtype !== 'float64') {
    throw new ArgError(`${who}: expected log_probs of dtype float32 or float64, got ${dtype}`);
  }
  const [steps, batch, classes] = shape as [number, number, number];
  if (!Number.isInteger(blank) || blank < 0 || blank >= classes) {
    throw new ArgError(`${who}: blank must be in label range: expected 0 to ${classes - 1}, got ${blank}`);
  }
  return [steps, batch, classes];
}

/** Lengths as int64 [N], and as numbers where they are known. */
interface Lengths {
  readonly tensor: Tensor;
  readonly known: readonly number[] | null;
}

function lengths(name: string, given: Tensor | readonly number[], batch: number, most: number): Lengths {
  if (given instanceof Tensor && given.dtype !== 'int64' && given.dtype !== 'int32') {
    throw new ArgError(`${who}: ${name} must be integral, got ${given.dtype}`);
  }
  const known = given instanceof Tensor ? valuesOf(given) : [...given];
  const size = given instanceof Tensor ? given.shape.reduce((n, d) => n * d, 1) : given.length;
  if (size !== batch) throw new ShapeError(`${who}: ${name} must be of size batch_size ${batch}, got ${size}`);
  const wrong = known?.find((n) => !(Number.isInteger(n) && n >= 0 && n <= most));
  if (wrong !== undefined) {
    if (!Number.isInteger(wrong)) throw new ArgError(`${who}: ${name} must be integral, got ${wrong}`);
    const limit = wrong > most ? `at most ${most}` : 'at least 0';
    throw new ArgError(`${who}: Expected ${name} to have value ${limit}, but got value ${wrong}`);
  }
  const whole = given instanceof Tensor ? given.to('int64') : tensor([...given], { dtype: 'int64' });
  return { tensor: whole.reshape([batch]), known };
}

function valuesOf(t: Tensor): number[] | null {
  if (!isKnown(t) || !t.node.data) return null;
  return Array.from(t.node.data as ArrayLike<number | bigint>, Number);
}

/** Targets as int64 [N, S]. */
function padTargets(targets: Tensor, { tensor: sizes, known }: Lengths, batch: number): Tensor {
  const labels = asLabels(who, targets);
  const got = showShape(targets.shape);
  if (targets.ndim === 2) {
    const [rows, width] = targets.shape as [number, number];
    if (rows !== batch) throw new ShapeError(`${who}: expected targets of ${batch} rows, got ${got}`);
    const longest = Math.max(0, ...(known ?? []));
    if (longest <= width) return labels;
    throw new ShapeError(`${who}: Expected targets to have size at least ${longest} at dimension 1, but got ${got}`);
  }
  if (targets.ndim !== 1) throw new ShapeError(`${who}: expected targets of 1 to 2 dimensions, got ${got}`);
  const total = targets.shape[0]!;
  const sum = known?.reduce((a, b) => a + b, 0) ?? total;
  if (sum !== total) throw new ShapeError(`${who}: Expected targets to have size ${sum}, but got ${got}`);
  const width = known ? Math.max(0, ...known) : total;
  if (width === 0) return constant(0, { shape: [batch, 0], dtype: 'int64' });
  const earlier = literal(
    Uint8Array.from({ length: batch * batch }, (_, i) => Number(i % batch < Math.floor(i / batch))),
    { shape: [batch, batch], dtype: 'bool' },
  );
  const starts = where(earlier, sizes, 0).sum({ dim: 1, keepdim: true });
  // behind a target's end anything will do
  return labels.indexSelect(0, starts.add(range(width)).minimum(total - 1));
}

/**
 * Throws for classes out of range, where targets and lengths are known; what stands behind a target's end is not looked at.
 * Returns whether all that count were.
 */
function checkLabels(targets: Tensor, { known }: Lengths, classes: number): boolean {
  const width = targets.shape[1];
  const counts = (i: number) => width === undefined || (known !== null && i % width < known[Math.floor(i / width)]!);
  const wrong = findKnown(targets, (k, i) => (k < 0 || k >= classes) && counts(i));
  if (wrong !== undefined) throw new ArgError(`${who}: Target ${wrong} is out of bounds for ${classes} classes`);
  return isKnown(targets) && (width === undefined || known !== null);
}

/** The machine of each sample: its states are blank, label, blank, … label, blank. */
function alignments(x: Tensor, padded: Tensor, inputs: Tensor, labels: Tensor, blank: number): Alignments {
  const [steps, batch] = x.shape as [number, number];
  const width = padded.shape[1]!;
  const length = 2 * width + 1;
  const blanks = (columns: number) => constant(blank, { shape: [batch, columns], dtype: 'int64' });
  const used = where(range(width).lt(labels.unsqueeze(1)), padded, blank);
  const pairs = stack([blanks(width), used], { dim: 2 }).reshape([batch, 2 * width]);
  const symbols = cat([pairs, blanks(1)], { dim: 1 });
  const never = constant(0, { shape: [batch, Math.min(length, 2)], dtype: 'bool' });
  const differs = length > 2 ? [symbols.narrow(1, 2, length - 2).ne(symbols.narrow(1, 0, length - 2))] : [];
  const last = labels.unsqueeze(1).mul(2);
  const ends = range(length)
    .eq(last)
    .logicalOr(range(length).eq(last.sub(1)));
  const logarithm = (flags: Tensor) => where(flags, constant(0, { shape: [], dtype: x.dtype }), -Infinity);
  return {
    states: x.gather(2, symbols.unsqueeze(0).expand([steps, batch, length])),
    skips: logarithm(cat([never, ...differs], { dim: 1 })),
    ends: logarithm(ends),
    active: range(steps).unsqueeze(1).lt(inputs).unsqueeze(2),
  };
}
