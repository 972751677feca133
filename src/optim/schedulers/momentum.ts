/** The momentum that some schedules change along with the rate: SGD's, or Adam's β₁. */
import { ArgError } from '../../util/errors.ts';
import type { Optimizer, ParamGroup } from '../optimizer.ts';
import { perGroupOf } from './scheduler.ts';

/** Whether an optimizer's momentum is its first beta. */
export function usesBeta1(who: string, { defaults }: Optimizer): boolean {
  if (!('momentum' in defaults) && !('betas' in defaults))
    throw new ArgError(
      `${who}.cycle_momentum: optimizer must support momentum or beta1 with \`cycle_momentum\` option enabled`,
    );
  return 'betas' in defaults;
}

export function setMomentum(group: ParamGroup, value: number): void {
  if (Array.isArray(group.betas)) group.betas = [value, ...group.betas.slice(1)];
  else group.momentum = value;
}

/** Each group's bounds, of which it starts with the upper one unless the schedule goes on. */
export function startMomentum(
  who: string,
  optimizer: Optimizer,
  options: { base_momentum: number | readonly number[]; max_momentum: number | readonly number[]; last_epoch: number },
): { base_momentums: number[]; max_momentums: number[] } {
  const base_momentums = perGroupOf(who, 'base_momentum', optimizer, options.base_momentum);
  const max_momentums = perGroupOf(who, 'max_momentum', optimizer, options.max_momentum);
  if (options.last_epoch === -1) {
    optimizer.paramGroups.forEach((group, i) => {
      setMomentum(group, max_momentums[i]!);
      group.max_momentum = max_momentums[i];
      group.base_momentum = base_momentums[i];
    });
  }
  return { base_momentums, max_momentums };
}
