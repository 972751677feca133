/** Optimizer steps: a compiled function over a batch, or over several whose gradients are added up. */
import { compile } from '../engine/compile.ts';
import { onlyIfFinite } from '../engine/evaluate.ts';
import { clipGradNorm_, clipGradValue_ } from '../nn/utils.ts';
import { LBFGS } from '../optim/lbfgs.ts';
import { TorcharcError } from '../util/errors.ts';
import { explained } from './explained.ts';
import type { FitOptions, Settings } from './fit.ts';
import { forward } from './measure.ts';
import { firstNonFinite } from './nonfinite.ts';
import { type Losses, lossesOf, type Tensors } from './objective.ts';
import type { NamedBatch } from './source.ts';

interface Trained {
  readonly size: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** Optimizer steps over groups of batches. */
export class Updates {
  readonly #options: Settings;
  readonly #step: (inputs: Tensors, targets: Tensors, part: GroupPart) => Promise<Losses>;

  constructor(options: Settings) {
    this.#options = options;
    this.#step = compile((inputs: Tensors, targets: Tensors, part: GroupPart) => this.#body(inputs, targets, part));
  }

  /** Losses of the batches, one after the other; the update has happened when the last one is told. */
  async *update(
    group: readonly NamedBatch[],
    at: { epoch: number; batch: number; step: number },
  ): AsyncIterable<Trained> {
    if (this.#options.optimizer instanceof LBFGS) {
      yield await this.#closure(group[0]!, at);
      return;
    }
    const samples = group.reduce((sum, { size }) => sum + size, 0);
    for (const [i, batch] of group.entries()) {
      const { inputs, targets, size } = batch;
      const last = i === group.length - 1;
      const part = { first: i === 0, last, share: size / samples };
      const { parts, loss } = await explained(
        async () => {
          const { total, parts } = await this.#step(inputs, targets, part);
          return { parts, loss: await total.item() };
        },
        placeOf(at),
        () => lossesOf(this.#options, forward(this.#options, inputs), targets),
      );
      if (!Number.isFinite(loss)) await this.#fail(batch, loss, at);
      yield { size, loss, parts: await numbersOf(parts) };
    }
  }

  #body(inputs: Tensors, targets: Tensors, { first, last, share }: GroupPart): Losses {
    const { optimizer, clip } = this.#options;
    if (first) optimizer.zeroGrad();
    const losses = lossesOf(this.#options, forward(this.#options, inputs), targets);
    (share === 1 ? losses.total : losses.total.mul(share)).backward();
    if (!last) return losses;
    if (clip) limit(this.#options, clip);
    onlyIfFinite(losses.total, () => void optimizer.step());
    return losses;
  }

  async #closure(batch: NamedBatch, at: { epoch: number; batch: number; step: number }): Promise<Trained> {
    const { optimizer } = this.#options;
    const { inputs, targets, size } = batch;
    let losses: Losses | undefined;
    let loss = Number.NaN;
    await optimizer.step(async () => {
      optimizer.zeroGrad();
      const now = lossesOf(this.#options, forward(this.#options, inputs), targets);
      now.total.backward();
      if (losses) return now.total;
      // that of the parameters as they are; what is tried afterwards may well be infinite
      losses = now;
      loss = await now.total.item();
      if (!Number.isFinite(loss)) await this.#fail(batch, loss, at);
      return now.total;
    });
    return { size, loss, parts: await numbersOf(losses!.parts) };
  }

  async #fail(
    { inputs, targets }: NamedBatch,
    loss: number,
    at: { epoch: number; batch: number; step: number },
  ): Promise<never> {
    const { model } = this.#options;
    const where = await firstNonFinite(model, inputs, targets, () => forward(this.#options, inputs));
    throw new TorcharcError(`${placeOf(at)}: the loss is ${loss}; ${where}`);
  }
}

function placeOf({ epoch, batch, step }: { epoch: number; batch: number; step: number }): string {
  return `epoch ${epoch}, batch ${batch + 1} (step ${step + 1})`;
}

interface GroupPart {
  readonly [key: string]: boolean | number;
  readonly first: boolean;
  readonly last: boolean;
  /** Of the samples of the group. */
  readonly share: number;
}

function limit({ optimizer }: Settings, clip: NonNullable<FitOptions['clip']>): void {
  const parameters = optimizer.paramGroups.flatMap(({ params }) => params);
  if ('norm' in clip) clipGradNorm_(parameters, clip.norm);
  else clipGradValue_(parameters, clip.value);
}

async function numbersOf(parts: Tensors): Promise<Record<string, number>> {
  const numbers: Record<string, number> = {};
  for (const [name, part] of Object.entries(parts)) numbers[name] = await part.item();
  return numbers;
}
