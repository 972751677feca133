// placeholder while this is being written
import type { Tensor } from '../tensor/tensor.ts';

export function clipGradNorm_(_parameters: Iterable<Tensor>, _max: number): void {}
export function clipGradValue_(_parameters: Iterable<Tensor>, _max: number): void {}
