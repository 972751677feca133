/** Every optimizer there is, by name: from its parameters and options. */
import { optim } from 'torcharc';

type Make = (params: optim.Params, options?: object) => optim.Optimizer;
type Class = new (params: optim.Params, options?: object) => optim.Optimizer;

function isOptimizer(value: unknown): value is Class {
  return typeof value === 'function' && value.prototype instanceof optim.Optimizer;
}

/** Those that are not PyTorch's. */
export const own = ['GlobalAdam', 'GlobalRMSprop', 'Lookahead'];

export const optimizers: Record<string, Make> = Object.fromEntries(
  Object.entries(optim).flatMap(([name, type]) => {
    if (!isOptimizer(type)) return [];
    return [[name, (params, options) => new type(params, options)] as [string, Make]];
  }),
);
