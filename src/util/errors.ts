/** Root of every error this library throws on purpose: one sentence saying who, what was expected, what came, and where. */
export class TorcharcError extends Error {
  override readonly name: string = 'TorcharcError';
}

/** Shapes that cannot work together. PyTorch's wording where PyTorch has one. */
export class ShapeError extends TorcharcError {
  override readonly name = 'ShapeError';
}

/** An argument of a wrong type, range or name. */
export class ArgError extends TorcharcError {
  override readonly name = 'ArgError';
}

/** ONNX Runtime refused a graph or failed while running one; `cause` holds its own error. */
export class SessionError extends TorcharcError {
  override readonly name = 'SessionError';
}

/** One thing wrong in a spec: where, and what. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** Everything wrong in an arc, each with its path. */
export class ArcError extends TorcharcError {
  override readonly name = 'ArcError';
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    super(issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('\n'));
    this.issues = issues;
  }
}

/** A state of affairs the code rules out; reaching it is a bug in torcharc. */
export function internal(message: string): never {
  throw new TorcharcError(`internal: ${message}`);
}
