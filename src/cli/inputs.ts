import type { InputShape, InputShapes } from '../arc/net.ts';
import { asDtype } from '../tensor/dtype.ts';
import { ArgError } from '../util/errors.ts';

/** What `--input` says: `3,20,20`, `image=3,20,20`, `tokens=32:int64`; undefined for nothing. */
export function inputShapes(texts: readonly string[]): InputShapes | undefined {
  const parsed = texts.map(parse);
  const [[name, shape] = []] = parsed;
  if (parsed.length < 2 && name === undefined) return shape;
  const unnamed = parsed.findIndex(([name]) => name === undefined);
  if (unnamed >= 0) throw new ArgError(`--input: expected name=shape where there are several, got '${texts[unnamed]}'`);
  return Object.fromEntries(parsed);
}

function parse(text: string): [string | undefined, InputShape] {
  const match = /^(?:([^=]+)=)?(\d+(?:,\d+)*)(?::(\w+))?$/.exec(text);
  if (!match) throw new ArgError(`--input: expected a shape such as 3,20,20 or image=3,20,20, got '${text}'`);
  const [, name, sizes, dtype = 'float32'] = match;
  return [name, { shape: sizes!.split(',').map(Number), dtype: asDtype(dtype) }];
}
