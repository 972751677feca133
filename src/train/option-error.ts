import { ArgError } from '../util/errors.ts';

/** An option of `fit` that cannot be; a config calls it by its own name. */
export class OptionError extends ArgError {
  /** Such as `earlyStopping.metric`. */
  readonly option: string;
  readonly what: string;

  constructor(option: string, what: string) {
    super(`fit: ${option}: ${what}`);
    this.option = option;
    this.what = what;
  }
}
