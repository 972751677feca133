/** What both formats of arcs share: records, paths, names. */

import { numel, type Shape } from '../tensor/shape.ts';

export type Spec = Readonly<Record<string, unknown>>;

/** Batch size that stands for any: shapes are inferred with it. */
export const BATCH = 2;
/** More sizes than an array can have mean a mistake in the spec, and so do more dimensions. */
const MOST = 2 ** 31;
const MOST_DIMS = 64;

export function isRecord(value: unknown): value is Spec {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The shape of an input without the batch; null if it is none. */
export function sampleShape(shape: unknown): Shape | null {
  const ok = Array.isArray(shape) && shape.length <= MOST_DIMS && shape.every((d) => Number.isInteger(d) && d >= 0);
  return ok && numel(shape as number[]) <= MOST ? (shape as number[]) : null;
}

export function joined(path: string, inner: string): string {
  if (!path || !inner) return path || inner;
  return inner.startsWith('[') ? `${path}${inner}` : `${path}.${inner}`;
}

/** Names that Python's ModuleDict refuses, and input names that it misbehaves on. */
const reserved = new Set(
  (
    'T_destination add_module apply bfloat16 buffers call_super_init children clear compile cpu cuda double dump_patches eval extra_repr float forward ' +
    'get_buffer get_extra_state get_parameter get_submodule half ipu items keys load_state_dict modules mtia named_buffers named_children named_modules ' +
    'named_parameters parameters pop register_backward_hook register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook ' +
    'register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter ' +
    'register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train ' +
    'training type update values xpu zero_grad __proto__ constructor prototype'
  ).split(' '),
);

/** What is wrong with the name of a module or an input (`what`), if anything is. */
export function nameIssue(name: string, what: string): string | null {
  if (name === '') return `the name of ${what} cannot be empty`;
  if (/[.[\]]/.test(name)) return `the name of ${what} can't contain ".", "[" or "]", got: ${short(name)}`;
  if (reserved.has(name)) return `'${name}' cannot be the name of ${what}: it is a method or attribute of ModuleDict`;
  return null;
}

function short(name: string): string {
  return name.length > 60 ? `${name.slice(0, 57)}...` : name;
}

/** Names in a message, at most a dozen. */
export function listed(names: Iterable<string>, most = 12): string {
  const shown: string[] = [];
  let more = 0;
  for (const name of names) {
    if (shown.length < most) shown.push(short(name));
    else more += 1;
  }
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
