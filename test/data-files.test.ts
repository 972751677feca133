/** Files that NumPy and Pillow wrote, see scripts/goldens/data.py. */
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, open as openFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { encodeSafetensors, tensor } from 'torcharc';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../src/data/image.ts';
import { planes } from '../src/data/resize.ts';
import { fixture, message, open, rowsOf } from './data.ts';

const expected = JSON.parse(readFileSync(join(fixture, 'expected.json'), 'utf8')) as {
  values: number[][];
  x: number[][];
  y: number[];
  images: number[][];
  labels: number[];
  modes: Record<string, number[]>;
  resized: Record<string, number[]>;
  luminance: number[];
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

const byOrder = { test: 0.5, by: 'order' };

describe('.npy', () => {
  const codes = ['f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8'];
  const numbers = (code: string) =>
    expected.values.map((row) => row.map((v) => (code === 'f' ? (v - 50) / 8 : code === 'u' ? v : v - 50)));

  test.each(codes.flatMap((code) => [`<${code}`, `>${code}`]))('%s', async (name) => {
    const { train, test } = await open(fixture, {
      npz: { file: 'arrays.npz', input: name, target: '<f4' },
      task: 'regression',
      split: byOrder,
    });
    expect(train.inputs.input!.shape).toEqual([3, 2]);
    expect([...(await rowsOf(train.inputs.input!)), ...(await rowsOf(test.inputs.input!))]).toEqual(numbers(name[1]!));
  });

  test('truth values, Fortran order, versions 2 and 3', async () => {
    const input = { bool: 'bool', fortran: 'fortran', v2: 'v2', v3: 'v3' };
    const { train } = await open(fixture, {
      npz: { file: 'arrays.npz', input, target: '<i8' },
      task: 'regression',
      split: byOrder,
    });
    const two = expected.values.slice(0, 2);
    expect(await rowsOf(train.inputs.bool!)).toEqual(two.map((row) => row.map((v) => v % 2)));
    for (const name of ['fortran', 'v2', 'v3']) expect(await rowsOf(train.inputs[name]!)).toEqual(two);
  });

  test('integers for an embedding, another shape of samples, a scale of its own', async () => {
    const input = {
      tokens: { array: '<i8', dtype: 'int64' },
      image: { array: '<i8', shape: [1, 2, 3], scale: { divide: 2 } },
    };
    const { info, train } = await open(fixture, {
      npz: { file: 'arrays.npz', input, target: { a: { array: '<f4', task: 'regression' } } },
      split: byOrder,
    });
    expect([train.inputs.tokens!.dtype, train.inputs.image!.shape]).toEqual(['int64', [1, 2, 3]]);
    const two = expected.values.slice(0, 2);
    expect(await rowsOf(train.inputs.tokens!)).toEqual(two.map((row) => row.map((v) => v - 50)));
    expect(await rowsOf(train.inputs.image!)).toEqual(two.map((row) => row.map((v) => (v - 50) / 2)));
    expect(info.inputs.image).toEqual({
      shape: [1, 2, 3],
      dtype: 'float32',
      columns: [],
      scale: { shift: [0], factor: [2], inner: 1 },
    });
  });

  test.each([{ npy: { input: 'x.npy', target: 'y.npy' } }, { npz: { file: 'xy.npz', input: 'x', target: 'y' } }])(
    '%j as NumPy saves it',
    async (source) => {
      const { info, train, test } = await open(fixture, { ...source, task: 'classification', split: byOrder });
      expect(await rowsOf(train.inputs.input!)).toEqual(expected.x.slice(0, 5));
      expect(info.targets.target!.classes).toEqual(['3', '4', '5']);
      const indices = [...(await rowsOf(train.targets.target!)), ...(await rowsOf(test.targets.target!))].flat();
      expect(indices).toEqual(expected.y.map((y) => y - 3));
    },
  );

  test('values of a test file', async () => {
    const npy = { input: 'x.npy', target: 'y.npy' };
    const { train, test } = await open(fixture, { npy, task: 'regression', split: { test: npy } });
    expect([train.size, test.size, test.targets.target!.shape]).toEqual([10, 10, [1]]);
  });

  test.each([
    ['scalar', "arrays.npz: 'scalar': expected samples, got an array of shape []"],
    ['empty', "arrays.npz: 'empty': expected samples, got an array of shape [0, 3]"],
    ['text', "arrays.npz: 'text': expected numbers of 1, 2, 4 or 8 bytes or truth values, got elements of '<U1'"],
    ['complex', "arrays.npz: 'complex': expected numbers of 1, 2, 4 or 8 bytes or truth values, got elements of '<c8'"],
    [
      'records',
      "arrays.npz: 'records': expected numbers of 1, 2, 4 or 8 bytes or truth values, got elements of [('a', '<i4'), ('b', '<f4')]",
    ],
    ['bol', "arrays.npz: there is no array 'bol' (did you mean 'bool'?)"],
  ])('refuses %s', async (input, text) => {
    const source = { npz: { file: 'arrays.npz', input, target: '<i8' }, task: 'regression' };
    await expect(open(fixture, source)).rejects.toThrow(message(`${fixture}/${text}`));
  });

  test.each([
    [
      { npy: { input: 'x.npy', target: 'y.npy' } },
      "x.npy: target 'target': expected a task, classification or regression, got none",
    ],
    [
      { npy: { input: 'x.npy', target: 'x.npy' }, task: 'classification' },
      `x.npy: sample 0: expected a whole number, got ${expected.x[0]![0]}`,
    ],
    [
      { npy: { input: 'x.npy', target: 'y.npy' }, task: 'regression', shape: [2, 2] },
      'x.npy: expected samples of shape [2, 2], which have 4 values, got 3 of shape [3]',
    ],
    [
      { npy: { input: { a: 'x.npy', b: 'y.npy' }, target: 'labels-idx1-ubyte' }, task: 'regression' },
      'labels-idx1-ubyte: it is no .npy file',
    ],
  ])('refuses %j', async (source, text) => {
    await expect(open(fixture, source)).rejects.toThrow(message(`${fixture}/${text}`));
  });

  test('arrays of different numbers of samples', async () => {
    await cp(join(fixture, 'y.npy'), join(folder, 'ten.npy'));
    await writeFile(join(folder, 'four.npy'), encodeNpy([4, 2]));
    await expect(open(folder, { npy: { input: 'four.npy', target: 'ten.npy' }, task: 'regression' })).rejects.toThrow(
      message(`${folder}/ten.npy: expected 4 samples, as many as ${folder}/four.npy has, got 10`),
    );
  });
});

/** Zeros, as version 1 of the format. */
function encodeNpy(shape: number[], descr = '<f4'): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`.padEnd(117);
  const size = 4 * shape.reduce((product, d) => product * d, 1);
  const head = Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0, ...Buffer.from(`${text}\n`));
  return Buffer.concat([head, new Uint8Array(size)]);
}

test('.safetensors', async () => {
  const bytes = await encodeSafetensors({
    x: tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
    y: tensor([7, 9, 7], { dtype: 'int64' }),
  });
  await writeFile(join(folder, 'a.safetensors'), bytes);
  const safetensors = { file: 'a.safetensors', input: 'x', target: 'y' };
  const { info, train, test } = await open(folder, {
    safetensors,
    task: 'classification',
    scale: 'minmax',
    split: { test: 0.34, by: 'order' },
  });
  expect(await rowsOf(train.inputs.input!)).toEqual([
    [0, 0],
    [1, 1],
  ]);
  expect(await rowsOf(test.inputs.input!)).toEqual([[2, 2]]);
  expect(info.targets.target!.classes).toEqual(['7', '9']);
  expect(await rowsOf(test.targets.target!)).toEqual([[0]]);
  await expect(open(folder, { safetensors: { ...safetensors, input: 'z' }, task: 'regression' })).rejects.toThrow(
    message(`${folder}/a.safetensors: there is no array 'z'; it has x, y`),
  );
});

describe('files that are too large to be held', () => {
  /** A file of zeros, but for what is put at some places; a file system need not store them. */
  async function sparse(name: string, length: number, parts: Readonly<Record<number, Uint8Array>>) {
    const file = await openFile(join(folder, name), 'w');
    for (const [at, bytes] of Object.entries(parts)) await file.write(bytes, 0, bytes.length, Number(at));
    await file.truncate(length);
    await file.close();
  }
  const [rows, width] = [70_000, 1000];

  test.each(['npy', 'idx', 'safetensors'])('%s', async (format) => {
    const head = { npy: 128, idx: 12, safetensors: 128 }[format]!;
    const headers: Record<string, Uint8Array> = {
      npy: encodeNpy([rows, width], '|u1').subarray(0, 128),
      idx: Uint8Array.of(0, 0, 8, 2, 0, 1, 0x11, 0x70, 0, 0, 3, 0xe8),
      safetensors: Uint8Array.of(
        ...[120, 0, 0, 0, 0, 0, 0, 0],
        ...Buffer.from(
          JSON.stringify({ x: { dtype: 'U8', shape: [rows, width], data_offsets: [0, rows * width] } }).padEnd(120),
        ),
      ),
    };
    const last = head + (rows - 1) * width;
    await sparse('large', head + rows * width, {
      0: headers[format]!,
      [head]: Uint8Array.of(1, 2),
      [last]: Uint8Array.of(3, 4),
    });
    await writeFile(join(folder, 'labels.npy'), encodeNpy([rows]));
    await writeFile(join(folder, 'labels'), Uint8Array.of(0, 0, 8, 1, 0, 1, 0x11, 0x70, ...new Uint8Array(rows)));
    const config = {
      npy: { npy: { input: 'large', target: 'labels.npy' }, task: 'regression' },
      idx: { idx: { images: 'large', labels: 'labels' } },
      safetensors: { safetensors: { file: 'large', input: 'x', target: 'x' }, task: 'regression' },
    }[format];
    const before = process.memoryUsage().arrayBuffers;
    const data = await open(folder, { ...config, scale: { divide: 2 }, split: { test: 0.5, by: 'order' } });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
    const { input } = data.train.inputs;
    expect(input!.block).toBeGreaterThan(1);
    const first = await input!.take(Uint32Array.of(1, 0));
    expect([first.length, ...first.slice(0, 2), ...first.slice(width, width + 2)]).toEqual([2 * width, 0, 0, 0.5, 1]);
    const end = await data.test.inputs.input!.take(Uint32Array.of(rows / 2 - 1));
    expect([...end.slice(0, 3)]).toEqual([1.5, 2, 0]);
    await truncate(join(folder, 'large'), head);
    await expect(input!.take(Uint32Array.of(rows / 4))).rejects.toThrow(
      message(`cannot read ${join(folder, 'large')}: it was cut off while in use`),
    );
    await data.close!();
  });
});

describe('IDX', () => {
  const idx = { images: 'images-idx3-ubyte', labels: 'labels-idx1-ubyte' };
  test.each(['', '.gz'])('images%s and labels', async (suffix) => {
    const source = { idx: { ...idx, images: `${idx.images}${suffix}` }, scale: { divide: 255 }, split: byOrder };
    const { info, train } = await open(fixture, source);
    expect(train.inputs.input!.shape).toEqual([1, 4, 5]);
    const pixels = expected.images.slice(0, 3).map((row) => row.map((v) => Math.fround(v / 255)));
    expect(await rowsOf(train.inputs.input!)).toEqual(pixels);
    const { classes } = info.targets.target!;
    const labels = (await rowsOf(train.targets.target!)).map(([i]) => Number(classes[i!]));
    expect(labels).toEqual(expected.labels.slice(0, 3));
  });

  test('test files of their own', async () => {
    const { train, test } = await open(fixture, { idx, split: { test: idx } });
    expect([train.size, test.size]).toEqual([6, 6]);
  });

  test('every type of elements', async () => {
    const types: [number, number, (view: DataView, at: number, value: number) => void][] = [
      [8, 1, (view, at, value) => view.setUint8(at, value)],
      [9, 1, (view, at, value) => view.setInt8(at, -value)],
      [11, 2, (view, at, value) => view.setInt16(at, -1000 * value)],
      [12, 4, (view, at, value) => view.setInt32(at, -100_000 * value)],
      [13, 4, (view, at, value) => view.setFloat32(at, value / 2)],
      [14, 8, (view, at, value) => view.setFloat64(at, value / 4)],
    ];
    const read: number[][] = [];
    for (const [type, size, put] of types) {
      const bytes = new Uint8Array(8 + 6 * size);
      bytes.set([0, 0, type, 1, 0, 0, 0, 6]);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < 6; i++) put(view, 8 + i * size, i);
      await writeFile(join(folder, 'values'), bytes);
      const labels = join(fixture, idx.labels);
      const { test } = await open(folder, { idx: { images: 'values', labels }, split: { test: 0.34, by: 'order' } });
      read.push((await rowsOf(test.inputs.input!)).flat());
    }
    expect(read).toEqual([
      [4, 5],
      [-4, -5],
      [-4000, -5000],
      [-400_000, -500_000],
      [2, 2.5],
      [1, 1.25],
    ]);
  });
});

describe('images', () => {
  const image = (name: string) => decodeImage(readFileSync(join(fixture, 'modes', name)), name);
  /** In the order of pixels, as Pillow gives them. */
  const pixels = (bytes: Uint8Array, channels: number) => {
    const area = bytes.length / channels;
    return Array.from(bytes, (_, i) => bytes[(i % channels) * area + Math.floor(i / channels)]!);
  };

  test.each(Object.keys(expected.modes))('%s', (name) => {
    const own = image(name);
    expect([own.height, own.width]).toEqual([9, 11]);
    const got = pixels(planes(own, 3, 9, 11), 3);
    const differences = got.map((value, i) => Math.abs(value - expected.modes[name]![i]!));
    // colors at half the resolution are spread out in another way; else the transforms round differently
    const most = name === 'rgb-subsampled.jpg' ? 20 : name.endsWith('.jpg') ? 3 : 0;
    expect(Math.max(...differences)).toBeLessThanOrEqual(most);
  });

  test('interlaced', () => {
    const own = image('rgb.png');
    const bytes = encode({ ...own, depth: 8 }, { interlace: 'Adam7' });
    expect(decodeImage(bytes, 'a.png')).toEqual(own);
  });

  test('gray from colors', () => {
    expect([...planes(image('rgb.png'), 1, 9, 11)]).toEqual(expected.luminance);
  });

  test.each(Object.keys(expected.resized))('resized: %s', (key) => {
    const [name, height, width] = key.split(' ');
    const channels = name === 'gray.png' ? 1 : 3;
    const got = pixels(planes(image(name!), channels, Number(height), Number(width)), channels);
    const differences = got.map((value, i) => Math.abs(value - expected.resized[key]![i]!));
    // Pillow rounds to bytes between the two directions too
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
  });

  test('a folder for each class; other files are passed over', async () => {
    const { info, train, test } = await open(fixture, { images: { folder: 'classes' }, split: { test: 0.5, seed: 1 } });
    expect([train.size, test.size, train.inputs.input!.shape]).toEqual([3, 3, [3, 4, 5]]);
    expect(info.targets.target!.classes).toEqual(['cat', 'dog']);
    for (const part of [train, test]) {
      const labels = (await rowsOf(part.targets.target!)).flat();
      for (const [i, values] of (await rowsOf(part.inputs.input!)).entries()) {
        const gray = values.slice(0, 20).every((value, j) => value === values[20 + j]);
        expect(gray).toBe(labels[i] === 1);
        expect(Math.max(...values)).toBeLessThanOrEqual(1);
      }
    }
    // kept from now on: no promise
    expect(test.inputs.input!.take(Uint32Array.of(0))).toBeInstanceOf(Float32Array);
  });

  test('standardized by channel, resized, gray', async () => {
    const images = { folder: 'classes', size: [2, 2], channels: 1 };
    const { info, train } = await open(fixture, { images, scale: 'standardize', split: { test: 0.4 } });
    const values = (await rowsOf(train.inputs.input!)).flat();
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    expect(mean).toBeCloseTo(0, 6);
    expect(values.reduce((sum, v) => sum + v * v, 0) / values.length).toBeCloseTo(1, 5);
    expect(info.inputs.input!.scale!.inner).toBe(4);
  });

  test('what is wrong with a folder', async () => {
    await cp(join(fixture, 'classes'), join(folder, 'pets'), { recursive: true });
    const images = { folder: 'pets' };
    const { info } = await open(folder, { images });
    await cp(join(fixture, 'modes/rgb.png'), join(folder, 'pets/dog/9.png'));
    const { train, test } = await open(folder, { images });
    const all = async () => [await rowsOf(train.inputs.input!), await rowsOf(test.inputs.input!)];
    await expect(all()).rejects.toThrow(
      message(
        `${folder}/pets/dog/9.png: expected 4 × 5 pixels, as ${folder}/pets/cat/0.png has, got 9 × 11; size: [height, width] resizes them`,
      ),
    );
    await cp(join(folder, 'pets/dog'), join(folder, 'pets/emu'), { recursive: true });
    await expect(open(folder, { images }, { info, whole: true })).rejects.toThrow(
      message(`${folder}/pets: expected folders named as the classes cat, dog, got 'emu'`),
    );
    await expect(open(fixture, { images: { folder: 'modes' } })).rejects.toThrow(
      message(`${fixture}/modes: expected a folder for each class, got none`),
    );
    await mkdir(join(folder, 'pets/fox'));
    await writeFile(join(folder, 'pets/fox/notes.txt'), 'no fox');
    await expect(open(folder, { images })).rejects.toThrow(
      message(`${folder}/pets/fox: expected images (.png, .jpg, .jpeg), got none`),
    );
    await expect(open(folder, { images: { folder: 'nowhere' } })).rejects.toThrow(
      message(`cannot read ${folder}/nowhere: no such file or folder`),
    );
  });
});
