/** What the losses' tables share. */
import * as z from 'zod';
import { tensor } from '../ops/create.ts';
import { Tensor } from '../tensor/tensor.ts';
import { choice, type LayerBase, layer } from './args.ts';
import { Buffer } from './module.ts';

export const reduction = { reduction: choice(['none', 'mean', 'sum'], 'mean') };

/** A layer of which, as PyTorch does of losses, nothing is printed but the name. */
export function lossLayer<T extends z.ZodRawShape>(table: T): LayerBase<T> {
  return Object.assign(layer(table, []), { inputs: ['input', 'target'] });
}

/** A tensor, or from a spec an array of numbers. */
export const weights = () =>
  z
    .union([z.instanceof(Tensor), z.array(z.number())])
    .nullable()
    .default(null)
    .meta({ description: 'a tensor, a list of numbers or null' });

export function buffer(value: Tensor | number[] | null): Buffer | null {
  return value === null ? null : new Buffer(Array.isArray(value) ? tensor(value) : value);
}
