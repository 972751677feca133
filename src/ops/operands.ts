/** What operations take: conversion between dtypes, and the dtype in which operands meet. */
import type { GraphBuilder } from '../onnx/builder.ts';
import { constant, constantOf } from '../tensor/constant.ts';
import { type Dtype, isFloat, promote } from '../tensor/dtype.ts';
import type { Op } from '../tensor/op.ts';
import { type Aval, apply, expectTensor, Tensor } from '../tensor/tensor.ts';
import { ArgError } from '../util/errors.ts';
import { show } from '../util/python.ts';

/** What an operand may be: a tensor, or a number that takes the other operand's dtype. */
export type Operand = Tensor | number;
/** The attributes of an operation that has none. */
export type None = Record<string, never>;
export const none: None = {};

/** ORT has no arithmetic for bytes; it is done in int32. */
export const viaInt32: ReadonlySet<Dtype> = new Set<Dtype>(['uint8', 'bool']);

/** A number in a graph that is being written. */
export function scalar(b: GraphBuilder, dtype: Dtype, value: number): string {
  return constantOf(b, value, { shape: [], dtype });
}

/** The number a splat constant holds, else undefined. */
export function splat(t: Tensor): number | undefined {
  return t.node.op?.name === 'constant' ? (t.node.attrs as { value: number }).value : undefined;
}

const castOp: Op<{ to: Dtype }> = {
  name: 'cast',
  infer: ([x], { to }) => ({ shape: x!.shape, dtype: to }),
  grad: (g, _y, [x]) => [isFloat(x!.dtype) ? cast(g, x!.dtype) : null],
  lower: (b, [x], { to }) => b.cast(x!, to),
};
/** The same values in another dtype. */
export function cast(x: Tensor, to: Dtype): Tensor {
  expectTensor('to', x);
  if (x.dtype === to) return x;
  const value = splat(x);
  if (value !== undefined && isFloat(to)) return constant(value, { shape: x.shape, dtype: to });
  return apply(castOp, [x], { to });
}

/** Integers and bool as float32, for functions that have no integer values. */
export function asFloat(x: Tensor): Tensor {
  expectTensor('to', x);
  return isFloat(x.dtype) ? x : cast(x, 'float32');
}

const aliasOp: Op<None> = {
  name: 'alias',
  infer: ([x]) => x as Aval,
  grad: (g) => [g],
  lower: (_b, [x]) => x!,
};
/** The same values, as another tensor. */
export function alias(x: Tensor): Tensor {
  return apply(aliasOp, [x], none);
}

/** What an operation gives back for a tensor that is the parameter itself: its value now. */
export function own(x: Tensor): Tensor {
  return x.node.owner === x ? alias(x) : x;
}

const detachOp: Op<None> = {
  name: 'detach',
  infer: ([x]) => x as Aval,
  grad: null,
  lower: (_b, [x]) => x!,
};
/** The same values, from which no gradient flows back. */
export function detach(x: Tensor): Tensor {
  return x.requiresGrad ? apply(detachOp, [x], none) : new Tensor(x.node);
}

/** The operands as tensors of one dtype, as PyTorch promotes: a number follows the tensor, a 0-d tensor its kind. */
export function meet(x: Operand, y: Operand): [Tensor, Tensor] {
  for (const operand of [x, y]) {
    if (typeof operand === 'number' || operand instanceof Tensor) continue;
    throw new ArgError(`expected a tensor or a number as operand, got ${show(operand)}`);
  }
  if (typeof x === 'number') {
    if (typeof y === 'number') throw new ArgError(`expected at least one tensor as operand, got ${x} and ${y}`);
    const dtype = scalarDtype(x, y.dtype);
    return [constant(x, { shape: [], dtype }), cast(y, dtype)];
  }
  if (typeof y === 'number') {
    const dtype = scalarDtype(y, x.dtype);
    return [cast(x, dtype), constant(y, { shape: [], dtype })];
  }
  if (x.dtype === y.dtype) return [x, y];
  const dtype = promoteTensors(x, y);
  return [cast(x, dtype), cast(y, dtype)];
}

/** The dtype in which a number and a tensor meet. */
export function scalarDtype(value: number, dtype: Dtype): Dtype {
  if (isFloat(dtype)) return dtype;
  return Number.isInteger(value) ? (dtype === 'bool' ? 'int64' : dtype) : 'float32';
}

const kindOf = (dtype: Dtype) => (dtype === 'bool' ? 0 : isFloat(dtype) ? 2 : 1);

function promoteTensors(x: Tensor, y: Tensor): Dtype {
  const sameKind = kindOf(x.dtype) === kindOf(y.dtype);
  if (sameKind && x.ndim === 0 && y.ndim > 0) return y.dtype;
  if (sameKind && y.ndim === 0 && x.ndim > 0) return x.dtype;
  return promote(x.dtype, y.dtype);
}
