/** The commands, and the engine that they run on. */
import '../autograd/backward.ts';
import '../ops/methods.ts';

export { graphCommand } from './graph.ts';
export { summaryCommand } from './summary.ts';
export { trainCommand } from './train.ts';
export { evalCommand, predictCommand } from './trained.ts';
export { validateCommand } from './validate.ts';
