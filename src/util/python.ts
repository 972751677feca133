/** Values as Python and our messages show them. */

/** A value of the user's in a message: short. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}...` : value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  const plain = Array.isArray(value) || [null, Object.prototype].includes(Object.getPrototypeOf(value) as null);
  if (!plain) return `a ${(value as object).constructor.name}`;
  const text = plainText(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function plainText(value: object): string {
  try {
    return JSON.stringify(beginning(value, { left: 64 }));
  } catch {
    // with bigints
    return Array.isArray(value) ? 'a list' : 'a record';
  }
}

/** As much of a value as is shown: every item takes a letter at least. */
function beginning(value: unknown, room: { left: number }): unknown {
  room.left -= 1;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    for (let i = 0; i < value.length && room.left > 0; i++) list.push(beginning(value[i], room));
    return list;
  }
  const entries: [string, unknown][] = [];
  for (const key of Object.keys(value)) {
    if (room.left <= 0) break;
    entries.push([key, beginning((value as Record<string, unknown>)[key], room)]);
  }
  return Object.fromEntries(entries);
}

/** A value as Python's repr shows it. */
export function python(value: unknown, asFloat = false): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return asFloat || !Number.isInteger(value) ? pythonFloat(value) : String(value);
  if (Array.isArray(value)) {
    return value.length === 1 ? `(${python(value[0])},)` : `(${value.map((v) => python(v)).join(', ')})`;
  }
  return String(value);
}

/** Python's repr of a float: `1e-05`, `0.1`, `2.0`. */
export function pythonFloat(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [mantissa, exponent] = x.toExponential().split('e') as [string, string];
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  return Number.isInteger(x) ? `${x}.0` : String(x);
}
