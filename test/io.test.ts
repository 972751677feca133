import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeSafetensors, encodeSafetensors, Tensor, tensor } from 'torcharc';
import { readArc, readSafetensors, writeSafetensors } from 'torcharc/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeFolder, writeAtomic } from '../src/io/files.ts';
import { parseYaml } from '../src/io/yaml.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-io-'));
});
afterAll(() => rm(folder, { recursive: true }));

const says = (message: string) => expect.objectContaining({ name: 'TorcharcError', message });

describe('safetensors', () => {
  /** A file of a header and some bytes of data. */
  function file(header: unknown, length = 0): Uint8Array {
    const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
    const bytes = new Uint8Array(8 + text.length + length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
    bytes.set(text, 8);
    return bytes;
  }

  test('reads what Python wrote', async () => {
    // t = {'b.weight': torch.tensor([[1.5, -2.], [3., 4.]]), 'a.n': torch.tensor(7), 'h': torch.tensor([1.5, -.25]).half(),
    //      'bf': torch.tensor([1.5, -3.140625, float('inf')]).bfloat16(), 'd': torch.tensor([1/3]).double() computed in float64,
    //      'i': torch.tensor([-1, 2], dtype=torch.int32), 'u': torch.tensor([255, 0, 1], dtype=torch.uint8),
    //      'm': torch.tensor([True, False]), 'empty': torch.zeros(0, 3)}; save_file(t, …, metadata={'format': 'pt'})
    const read = await readSafetensors(new URL('./fixtures/io/python.safetensors', import.meta.url).pathname);
    const shown = [...read].map(([name, t]) => [name, t.dtype, t.shape, t.node.data]);
    expect(shown.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))).toEqual([
      ['a.n', 'int64', [], new BigInt64Array([7n])],
      ['b.weight', 'float32', [2, 2], new Float32Array([1.5, -2, 3, 4])],
      ['bf', 'float32', [3], new Float32Array([1.5, -3.140625, Number.POSITIVE_INFINITY])],
      ['d', 'float64', [1], new Float64Array([1 / 3])],
      ['empty', 'float32', [0, 3], new Float32Array()],
      ['h', 'float16', [2], new Uint16Array([0x3e00, 0xb400])],
      ['i', 'int32', [2], new Int32Array([-1, 2])],
      ['m', 'bool', [2], new Uint8Array([1, 0])],
      ['u', 'uint8', [3], new Uint8Array([255, 0, 1])],
    ]);
  });

  test('round trip keeps names, order, dtypes and values; pending tensors are computed', async () => {
    const all = {
      z: tensor([true, false, true], { dtype: 'bool' }),
      'a.weight': tensor([[1.5, Number.NaN]]),
      count: tensor((2n ** 53n) as never, { dtype: 'int64' }),
      half: tensor([1.5], { dtype: 'float16' }),
      pending: tensor([1, 2]).add(tensor([10, 20])),
      none: tensor([], { shape: [0, 4] }),
    };
    const bytes = await encodeSafetensors(all, { format: 'pt' });
    const back = decodeSafetensors(bytes);
    expect([...back.keys()]).toEqual(Object.keys(all));
    for (const [name, t] of Object.entries(all)) {
      const copy = back.get(name)!;
      expect([copy.dtype, copy.shape, await copy.data()]).toEqual([t.dtype, t.shape, await t.data()]);
    }
    expect(await encodeSafetensors(back, { format: 'pt' })).toEqual(bytes);
  });

  test('layout: header padded to 8 bytes, wide items first', async () => {
    const bytes = await encodeSafetensors(
      new Map([
        ['f', tensor([1])],
        ['n', tensor(3, { dtype: 'int64' })],
      ]),
    );
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + length)).trimEnd()).toBe(
      '{"f":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}',
    );
    expect(bytes.length).toBe(8 + length + 12);
  });

  test('one tensor under two names is written under each', async () => {
    const shared = tensor([1, 2]);
    const back = decodeSafetensors(await encodeSafetensors({ a: shared, b: shared }));
    expect(await back.get('b')!.array()).toEqual([1, 2]);
  });

  test('a view of a larger buffer', async () => {
    const bytes = await encodeSafetensors({ a: tensor([1, 2]) });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(await decodeSafetensors(shifted.subarray(3)).get('a')!.array()).toEqual([1, 2]);
  });

  const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });

  test.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(3), 'expected at least the 8 bytes of the header length, got 3'],
    [
      'text',
      new TextEncoder().encode('epoch,loss\n1,2\n'),
      'the header is said to have 8028841062551220325 bytes, but only 7 follow; not a safetensors file, or cut off',
    ],
    [
      'cut in the header',
      file({ a: f32(0, 4) }, 4).subarray(0, 20),
      'the header is said to have 54 bytes, but only 12 follow; not a safetensors file, or cut off',
    ],
    ['cut in the data', file({ a: f32(0, 8) }, 4), "'a': data_offsets [0, 8] lie outside the 4 bytes of data"],
    ['bytes that are not UTF-8', file('{"\u00e9":1}').fill(0xff, 10, 11), 'the header is not UTF-8'],
    ['a list', file([]), 'the header is not a JSON object'],
    ['a number for a tensor', file({ a: 1 }), "'a': expected an object with dtype, shape and data_offsets, got 1"],
    [
      'an unknown dtype',
      file({ a: { ...f32(0, 4), dtype: 'F8_E4M3' } }, 4),
      '\'a\': dtype "F8_E4M3" is not supported; expected one of F32, F64, F16, I64, I32, U8, BOOL, BF16',
    ],
    [
      'no dtype',
      file({ a: { shape: [], data_offsets: [0, 4] } }, 4),
      "'a': dtype undefined is not supported; expected one of F32, F64, F16, I64, I32, U8, BOOL, BF16",
    ],
    ['a negative size', file({ a: f32(0, 4, [-1]) }, 4), "'a': expected a shape of non-negative integers, got [-1]"],
    ['a fraction', file({ a: f32(0, 4, [0.5]) }, 4), "'a': expected a shape of non-negative integers, got [0.5]"],
    [
      'a size beyond any memory',
      file({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4),
      "'a': shape [1099511627776, 1099511627776] of F32 takes 4.835703278458517e+24 bytes, but data_offsets span 4",
    ],
    [
      'one offset',
      file({ a: { ...f32(0, 4), data_offsets: [0] } }, 4),
      "'a': expected data_offsets [begin, end], got [0]",
    ],
    [
      'offsets the wrong way',
      file({ a: f32(4, 0, [1]) }, 4),
      "'a': data_offsets [4, 0] lie outside the 4 bytes of data",
    ],
    ['a wrong size', file({ a: f32(0, 8, [3]) }, 8), "'a': shape [3] of F32 takes 12 bytes, but data_offsets span 8"],
    [
      'an overlap',
      file({ a: f32(0, 8), b: f32(4, 12) }, 12),
      "'b' and 'a' overlap: one begins at byte 4, the other ends at 8",
    ],
    ['a gap', file({ a: f32(0, 4), b: f32(8, 12) }, 12), 'bytes 4 to 8 of the data belong to no tensor'],
    ['data left over', file({ a: f32(0, 4) }, 12), 'bytes 4 to 12 of the data belong to no tensor'],
    ['a reserved name', file(`{"__proto__":${JSON.stringify(f32(0, 4))}}`, 4), "'__proto__' cannot name a tensor"],
    ['metadata that is not text', file({ __metadata__: { epoch: 3 } }), '__metadata__: expected an object of strings'],
  ])('refuses %s', (_name, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(says(`safetensors: ${message}`));
  });

  test('refuses a header that is not JSON', () => {
    expect(() => decodeSafetensors(file('{"a": '))).toThrow(/^safetensors: the header is not JSON: /);
  });

  test('refuses to write what is no tensor, or has a reserved name', async () => {
    await expect(encodeSafetensors({ a: [1] as never })).rejects.toThrow(
      expect.objectContaining({ message: "encodeSafetensors: 'a': expected a tensor, got object" }),
    );
    await expect(encodeSafetensors({ __metadata__: tensor(1) })).rejects.toThrow(
      expect.objectContaining({ message: "encodeSafetensors: '__metadata__' cannot name a tensor" }),
    );
    await expect(encodeSafetensors({}, { epoch: 3 as never })).rejects.toThrow(
      expect.objectContaining({ message: "encodeSafetensors: metadata 'epoch': expected a string, got 3" }),
    );
  });
});

describe('parseYaml', () => {
  test('values: YAML 1.2, keys as strings, merges', () => {
    const text = 'a: &x {lr: 1e-3, 2: yes}\nb:\n  <<: *x\n  c: [~, 0x10, .5]\n';
    expect(parseYaml(text, 'a.yaml').value).toEqual({
      a: { lr: 0.001, '2': 'yes' },
      b: { lr: 0.001, '2': 'yes', c: [null, 16, 0.5] },
    });
    expect(parseYaml('', 'a.yaml').value).toBe(null);
  });

  test('places: of keys and list items, of the nearest thing above what is not there, through aliases', () => {
    const yaml = parseYaml('a:\n  - x: 1\n  -   y: &y\n        z: 3\nb: *y\n', 'a.yaml');
    expect(yaml.locate(['a', 1, 'y'])).toEqual({ line: 3, column: 7 });
    expect(yaml.locate('a[1].y.z')).toEqual({ line: 4, column: 9 });
    expect(yaml.locate('a[0].nothing')).toEqual({ line: 2, column: 5 });
    expect(yaml.locate(['a', 7])).toEqual({ line: 1, column: 1 });
    expect(yaml.locate('b.z')).toEqual({ line: 4, column: 9 });
    expect(yaml.locate([])).toEqual({ line: 1, column: 1 });
  });

  let bomb = 'a0: &a0 [x]\n';
  for (let i = 1; i < 12; i++)
    bomb += `a${i}: &a${i} [${Array(9)
      .fill(`*a${i - 1}`)
      .join(', ')}]\n`;

  test.each([
    ['a: 1\nb: 2\na: 2', '3:1: the key a is already there in this mapping'],
    ['{"a": 1, "a": 2}', '1:10: the key "a" is already there in this mapping'],
    ['a: 1\nb: !!python/tuple [1]', '2:4: the tag !!python/tuple is not known'],
    ['a: [1, 2', '1:9: what was opened with [ or { is not closed, or goes on in a line that is not indented'],
    ['a: 1\n b: 2', '1:4: a mapping cannot begin here: check the indentation, or quote a text that contains ": "'],
    ['a: 1\n? [b]\n: c', '2:3: expected a plain key, got a list, mapping or alias'],
    ['a: *b', '1:4: the alias *b has no anchor &b before it'],
    ['a: &a [*a]', '1:8: the alias *a stands inside what it names'],
    ['a: 1\n---\nb: 2', '2:1: expected one document, got another one after ---'],
    ['a: "b', '1:6: missing closing "quote'],
    ['a:\n\t- b', '2:1: tabs are not allowed as indentation'],
    [bomb, '1:1: aliases expand to too much: more than 10000 uses of anchors'],
  ])('refuses case %#', (text, message) => {
    expect(() => parseYaml(text, 'dir/a.yaml')).toThrow(says(`dir/a.yaml:${message}`));
  });

  test('refuses what is nested too deeply', () => {
    expect(() => parseYaml('['.repeat(100_000), 'a.yaml')).toThrow(/^a.yaml:1:\d+: nested too deeply$/);
  });
});

describe('files', () => {
  test('writeSafetensors and readSafetensors; nothing else is left behind', async () => {
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(path, { a: tensor([1, 2]) });
    await writeSafetensors(path, { a: tensor([3, 4]) }, { format: 'pt' });
    const a = (await readSafetensors(path)).get('a');
    expect(a).toBeInstanceOf(Tensor);
    expect(await a!.array()).toEqual([3, 4]);
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  test('writeAtomic leaves the old content when it fails', async () => {
    const inner = join(folder, 'sub');
    await makeFolder(inner);
    await writeFile(join(inner, 'x'), 'old');
    const bad = { byteLength: 8 } as never;
    await expect(writeAtomic(join(inner, 'x'), bad)).rejects.toThrow(/^cannot write /);
    expect(await readFile(join(inner, 'x'), 'utf8')).toBe('old');
    expect(await readdir(inner)).toEqual(['x']);
  });

  test('readArc: YAML and JSON', async () => {
    await writeFile(join(folder, 'a.yaml'), 'type: Linear\nin_features: 8\n');
    await writeFile(join(folder, 'a.json'), '{"type": "Linear", "in_features": 8}');
    expect(await readArc(join(folder, 'a.yaml'))).toEqual({ type: 'Linear', in_features: 8 });
    expect(await readArc(join(folder, 'a.json'))).toEqual({ type: 'Linear', in_features: 8 });
  });

  test('errors name the file', async () => {
    const at = (name: string) => join(folder, name);
    await writeFile(at('list.yaml'), '- 1\n');
    await writeFile(at('empty.yaml'), '');
    await writeFile(at('latin.yaml'), new Uint8Array([0x61, 0xe9]));
    await writeFile(at('short.safetensors'), 'abc');
    const cases: [() => Promise<unknown>, string][] = [
      [() => readArc(at('none.yaml')), `cannot read ${at('none.yaml')}: no such file or folder`],
      [() => readArc(folder), `cannot read ${folder}: it is a folder`],
      [() => readArc(at('list.yaml')), `${at('list.yaml')}: expected an arc, a mapping, got [1]`],
      [() => readArc(at('empty.yaml')), `${at('empty.yaml')}: expected an arc, a mapping, got nothing`],
      [() => readArc(at('latin.yaml')), `cannot read ${at('latin.yaml')}: it is not UTF-8 text`],
      [
        () => readSafetensors(at('short.safetensors')),
        `${at('short.safetensors')}: safetensors: expected at least the 8 bytes of the header length, got 3`,
      ],
      [
        () => writeSafetensors(at('list.yaml/x'), {}),
        `cannot write ${at('list.yaml/x')}: a part of the path is a file, not a folder`,
      ],
      [() => writeSafetensors(at('no/x'), {}), `cannot write ${at('no/x')}: no such file or folder`],
      [() => makeFolder(at('list.yaml')), `cannot write to ${at('list.yaml')}: it is a file, not a folder`],
    ];
    for (const [attempt, message] of cases) await expect(attempt()).rejects.toThrow(says(message));
  });
});
