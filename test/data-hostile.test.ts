/** Damaged, truncated and lying files: an error of ours that names the file, or samples; never a crash or a hang. */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { encodeSafetensors, TorcharcError, tensor } from 'torcharc';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../src/data/image.ts';
import type { Dataset } from '../src/data/samples.ts';
import { Generator } from '../src/util/generator.ts';
import { fixture, message, open } from './data.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-hostile-'));
});
afterAll(() => rm(folder, { recursive: true }));

const content = (name: string) => new Uint8Array(readFileSync(join(fixture, name)));

/** Damaged copies of a file: cut off, with bytes changed, with pieces left out, doubled or moved. */
function* damaged(bytes: Uint8Array, count: number, seed: number): Iterable<Uint8Array> {
  const generator = new Generator(seed);
  const below = (n: number) => generator.random32() % n;
  // all of the beginning, where headers are
  for (let end = 0; end < Math.min(bytes.length, 64); end++) yield bytes.slice(0, end);
  for (let at = 0; at < Math.min(bytes.length, 64); at++) {
    for (const value of [0, 0xff, bytes[at]! ^ (1 << below(8))]) yield bytes.with(at, value);
  }
  for (let i = 0; i < count; i++) {
    const [begin, end] = [below(bytes.length), below(bytes.length)].sort((a, b) => a - b) as [number, number];
    const piece = bytes.slice(begin, Math.min(end, begin + 16));
    switch (below(5)) {
      case 0:
        yield bytes.slice(0, begin);
        break;
      case 1:
        yield new Uint8Array([...bytes.slice(0, begin), ...bytes.slice(begin + piece.length)]);
        break;
      case 2:
        yield new Uint8Array([...bytes.slice(0, begin), ...piece, ...bytes.slice(begin)]);
        break;
      default: {
        const copy = bytes.slice();
        for (let n = 1 + below(4); n > 0; n--) copy[below(bytes.length)] = below(256);
        yield copy;
      }
    }
  }
}

/** Take all samples. */
async function takeAll({ train, test, close }: Dataset): Promise<void> {
  for (const part of [train, test]) {
    const rows = Uint32Array.from({ length: part.size }, (_, i) => i);
    for (const field of [...Object.values(part.inputs), ...Object.values(part.targets)]) await field.take(rows);
  }
  await close?.();
}

/** Open each damaged copy of a file; how many gave an error, all of which must name the file. */
async function survives(name: string, bytes: Uint8Array, config: unknown, count = 300): Promise<number> {
  const path = join(folder, name);
  let refused = 0;
  for (const copy of damaged(bytes, count, 1)) {
    await writeFile(path, copy);
    try {
      await takeAll(await open(folder, config));
    } catch (e) {
      const whole = Buffer.from(copy).toString('base64').slice(0, 2000);
      expect(e, whole).toBeInstanceOf(TorcharcError);
      expect((e as Error).message, whole).toContain(path);
      expect((e as Error).message, whole).not.toMatch(/internal|properties of undefined|not a function|Invalid array/);
      refused++;
    }
  }
  return refused;
}

describe('damaged', { timeout: 60_000 }, () => {
  const task = 'regression';

  test('.npy', async () => {
    await writeFile(join(folder, 'y.npy'), content('y.npy'));
    const config = { npy: { input: 'x.npy', target: 'y.npy' }, task };
    expect(await survives('x.npy', content('x.npy'), config)).toBeGreaterThan(200);
  });

  test('.npz', async () => {
    const config = { npz: { file: 'xy.npz', input: 'x', target: 'y' }, task };
    expect(await survives('xy.npz', content('xy.npz'), config)).toBeGreaterThan(200);
  });

  test.each(['', '.gz'])('IDX%s', async (suffix) => {
    await writeFile(join(folder, 'labels'), content('labels-idx1-ubyte'));
    const config = { idx: { images: `images${suffix}`, labels: 'labels' } };
    expect(await survives(`images${suffix}`, content(`images-idx3-ubyte${suffix}`), config)).toBeGreaterThan(100);
  });

  test('.safetensors', async () => {
    const bytes = await encodeSafetensors({
      x: tensor([
        [1, 2],
        [3, 4],
        [5, 6],
        [7, 8],
        [9, 9],
      ]),
      y: tensor([1, 2, 3, 4, 5]),
    });
    const config = { safetensors: { file: 'a.safetensors', input: 'x', target: 'y' }, task };
    expect(await survives('a.safetensors', bytes, config)).toBeGreaterThan(200);
  });

  test.each([false, true])('CSV, stream: %s', async (stream) => {
    const rows = Array.from({ length: 12 }, (_, i) => `${i},"${i}${i}",c${i % 2},"a ""b"", c"`);
    const bytes = new Uint8Array(Buffer.from(`x,"y",z,note\n${rows.join('\n')}\n`));
    const config = { csv: 'a.csv', features: ['x', 'y'], target: 'z', task: 'classification', stream };
    expect(await survives('a.csv', bytes, config, 500)).toBeGreaterThan(200);
  });

  test.each(['rgb.png', 'palette-4bit.png', 'rgb.jpg', 'rgb-progressive.jpg', 'gray.jpg'])('%s', async (name) => {
    await rm(join(folder, 'pets'), { recursive: true, force: true });
    await mkdir(join(folder, 'pets/one'), { recursive: true });
    await writeFile(join(folder, 'pets/one/a.png'), content('modes/rgb.png'));
    const config = { images: { folder: 'pets' }, split: { test: 0.5 } };
    expect(await survives(`pets/one/${name.replace('.', '2.')}`, content(`modes/${name}`), config)).toBeGreaterThan(50);
  });
});

describe('files that say more than they hold', () => {
  const npy = (shape: string, descr = '<f4') => {
    const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117);
    return Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0, ...Buffer.from(`${text}\n`), 0, 0, 0, 0);
  };
  const source = { npy: { input: 'x.npy', target: 'x.npy' }, task: 'regression' };

  test.each([
    ['1000000000000, 2', 'takes 8000000000000 bytes, got 4; it is cut off'],
    ['9007199254740993, 9007199254740993', 'bytes, got 4; it is cut off'],
    [`${'9'.repeat(40)},`, 'it is cut off'],
    ['4294967296, 0', 'expected samples, got an array of shape [4294967296, 0]'],
    [`1,${'1,'.repeat(32)}`, 'expected samples, got an array of shape [1, 1, 1, 1, 1, 1, 1, 1, …]'],
    ['-1,', 'its header does not say order and shape'],
    ['1e9,', 'its header does not say order and shape'],
  ])('.npy of shape (%s)', async (shape, problem) => {
    await writeFile(join(folder, 'x.npy'), npy(shape));
    await expect(open(folder, source)).rejects.toThrow(problem);
  });

  test('IDX of 4 billion images, plain and packed', async () => {
    const bytes = Uint8Array.of(0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2, 3);
    await writeFile(join(folder, 'many'), bytes);
    await writeFile(join(folder, 'many.gz'), gzipSync(bytes));
    const idx = { images: 'many', labels: 'labels' };
    await expect(open(folder, { idx })).rejects.toThrow('takes 3367254359280 bytes, got 3; it is cut off');
    await expect(open(folder, { idx: { ...idx, images: 'many.gz' } })).rejects.toThrow(
      message(`${join(folder, 'many.gz')}: its header says more than can be packed in it`),
    );
  });

  test('a gzip bomb behind the header of a small IDX file', async () => {
    const bytes = new Uint8Array(2 ** 26);
    bytes.set([0, 0, 8, 1, 0, 0, 0, 9]);
    await writeFile(join(folder, 'many.gz'), gzipSync(bytes));
    await expect(open(folder, { idx: { images: 'many.gz', labels: 'labels' } })).rejects.toThrow(
      message(`cannot unpack ${join(folder, 'many.gz')}: more is packed in it than its header says`),
    );
  });

  test('a zip that says a small part unpacks to gigabytes', async () => {
    const bytes = zipSync({ 'x.npy': npy('1,') });
    // the unpacked size in the central directory
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const end = bytes.length - 22;
    view.setUint32(view.getUint32(end + 16, true) + 24, 0xfffffff0, true);
    await writeFile(join(folder, 'x.npz'), bytes);
    await expect(open(folder, { npz: { file: 'x.npz', input: 'x', target: 'x' }, task: 'regression' })).rejects.toThrow(
      message(`${join(folder, 'x.npz')}: 'x' is said to be larger than can be packed in the file`),
    );
  });

  test('images', () => {
    const png = content('modes/rgb.png');
    const view = new DataView(png.buffer);
    view.setUint32(16, 60_000);
    view.setUint32(20, 60_000);
    expect(() => decodeImage(png, 'a.png')).toThrow(
      message('cannot read a.png: 60000 × 60000 pixels are more than 100000000'),
    );
    view.setUint32(16, 9000);
    view.setUint32(20, 9000);
    expect(() => decodeImage(png, 'a.png')).toThrow(
      message('cannot read a.png: its header says 9000 × 9000 pixels, more than its length can hold'),
    );
    const jpg = content('modes/rgb.jpg');
    const frame = jpg.findIndex((byte, i) => byte === 0xff && jpg[i + 1] === 0xc0);
    new DataView(jpg.buffer).setUint32(frame + 5, (60_000 << 16) | 60_000);
    expect(() => decodeImage(jpg, 'a.jpg')).toThrow(
      message('cannot read a.jpg: 60000 × 60000 pixels are more than 100000000'),
    );
    new DataView(jpg.buffer).setUint32(frame + 5, (9000 << 16) | 9000);
    expect(() => decodeImage(jpg, 'a.jpg')).toThrow(
      message('cannot read a.jpg: its header says 9000 × 9000 pixels, more than its length can hold'),
    );
  });

  test('a PNG in which more is packed than its pixels', () => {
    const png = content('modes/rgb.png');
    const packed = deflateSync(new Uint8Array(2 ** 26));
    const chunk = Buffer.concat([Buffer.alloc(4), Buffer.from('IDAT'), packed, Buffer.alloc(4)]);
    chunk.writeUint32BE(packed.length);
    const end = Buffer.concat([Buffer.alloc(4), Buffer.from('IEND'), Buffer.alloc(4)]);
    expect(() => decodeImage(Buffer.concat([png.subarray(0, 33), chunk, end]), 'a.png')).toThrow(
      message('cannot read a.png: more is packed in it than its header says'),
    );
  });

  test('what is no file, or of another kind', async () => {
    await mkdir(join(folder, 'images.npy'), { recursive: true });
    const target = 'x.npy';
    await expect(open(folder, { npy: { input: 'images.npy', target }, task: 'regression' })).rejects.toThrow(
      message(`cannot read ${join(folder, 'images.npy')}: it is a folder`),
    );
    await expect(open(folder, { npy: { input: 'none.npy', target }, task: 'regression' })).rejects.toThrow(
      message(`cannot read ${join(folder, 'none.npy')}: no such file or folder`),
    );
    await writeFile(join(folder, 'a.csv'), Uint8Array.of(0x61, 0x2c, 0x62, 10, 0x31, 0x2c, 0xff, 10));
    await expect(open(folder, { csv: 'a.csv', target: 'a', task: 'regression' })).rejects.toThrow(
      message(`cannot read ${join(folder, 'a.csv')}: it is not UTF-8 text`),
    );
    const classes = Array.from({ length: 2 ** 16 + 1 }, (_, i) => `${i},1`);
    await writeFile(join(folder, 'a.csv'), `y,x\n${classes.join('\n')}\n`);
    await expect(open(folder, { csv: 'a.csv', target: 'y', task: 'classification' })).rejects.toThrow(
      message(`${join(folder, 'a.csv')}: column 'y': expected at most 65536 classes; is its task regression?`),
    );
  });
});
