/** What makes results of a Perceiver's output: [N, O, C]. */
import { int, layer } from '../../nn/args.ts';
import { ModuleDict } from '../../nn/container.ts';
import { Linear } from '../../nn/linear.ts';
import { type Module, nameType } from '../../nn/module.ts';
import { split } from '../../ops/movement.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ArcError, ArgError, type Issue } from '../../util/errors.ts';
import { part } from './part.ts';
import { shape, shapes, specs } from './perceiver-preprocessor.ts';

type Results = Tensor | Readonly<Record<string, Tensor>>;

export interface Postprocessor extends Module {
  forward(x: Tensor): Results;
}

/** The output as it is. */
class Identity extends layer({ in_shape: shape() }) implements Postprocessor {
  override forward(x: Tensor): Tensor {
    return x;
  }

  override extraRepr(): string {
    return '';
  }
}

const linear = { in_shape: shape(), out_dim: int(undefined, 1) };

/** y = W x + b in each place: [N, O, C] to [N, O, out_dim]. */
class ProjectionPostprocessor extends layer(linear) implements Postprocessor {
  readonly linear = new Linear({ in_features: this.args.in_shape.at(-1)!, out_features: this.args.out_dim });

  override forward(x: Tensor): Tensor {
    return this.linear.forward(x);
  }

  override extraRepr(): string {
    return '';
  }
}

/** The same, without the dimension of places if there is one place: [N, O, C] to [N, O, out_dim] or [N, out_dim]. */
class ClassificationPostprocessor extends ProjectionPostprocessor {
  override forward(x: Tensor): Tensor {
    return super.forward(x).squeeze(1);
  }
}

const Multimodal = layer({ in_shape: shape(), in_shapes: shapes(), arc: specs() });

/** The places divided among results, of which each has its shape [O, C] in `in_shapes` and a postprocessor in `arc`. */
class MultimodalPostprocessor extends Multimodal implements Postprocessor {
  readonly postprocessors: ModuleDict<Postprocessor>;

  constructor(options: ConstructorParameters<typeof Multimodal>[0]) {
    super(options);
    const { in_shape, in_shapes, arc } = this.args;
    const issues: Issue[] = [];
    for (const [name, part] of Object.entries(in_shapes)) {
      if (part.length !== 2 || part[1] !== in_shape[1]) {
        const message = `expected [places, ${in_shape[1]}], got ${showShape(part)}`;
        issues.push({ path: `in_shapes.${name}`, message });
      }
      if (!Object.hasOwn(arc, name)) issues.push({ path: 'arc', message: `there is no postprocessor for '${name}'` });
    }
    const made = Object.entries(arc).flatMap(([name, spec]) => {
      const given = Object.hasOwn(in_shapes, name) ? in_shapes[name] : undefined;
      if (!given) {
        issues.push({ path: `arc.${name}`, message: `there is no '${name}' in in_shapes` });
        return [];
      }
      const module = part<Postprocessor>(issues, `arc.${name}`, spec, postprocessors, { in_shape: given });
      return module ? [[name, module] as const] : [];
    });
    if (issues.length > 0) throw new ArcError(issues);
    const places = Object.values(in_shapes).reduce((sum, [count]) => sum + count!, 0);
    if (places !== in_shape[0]) {
      throw new ArgError(
        `MultimodalPostprocessor.in_shapes: expected the ${in_shape[0]} places of the output in all, got ${places}`,
      );
    }
    this.postprocessors = new ModuleDict(made);
  }

  override forward(x: Tensor): Readonly<Record<string, Tensor>> {
    const { in_shapes } = this.args;
    const names = Object.keys(in_shapes);
    const parts = split(
      x,
      names.map((name) => in_shapes[name]![0]!),
      { dim: 1 },
    );
    return Object.fromEntries(
      names.map((name, i) => [name, this.postprocessors.get(name).forward(parts[i]!) as Tensor]),
    );
  }

  override extraRepr(): string {
    return '';
  }
}

/** Postprocessors by the names they have in arcs. */
export const postprocessors = {
  Identity,
  ProjectionPostprocessor,
  ClassificationPostprocessor,
  MultimodalPostprocessor,
};
for (const [name, type] of Object.entries(postprocessors)) nameType(type, name);
