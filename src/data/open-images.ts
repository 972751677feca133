/** Images in folders named by their classes. For Node only. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explained } from '../io/files.ts';
import { TorcharcError } from '../util/errors.ts';
import type { Source } from './assemble.ts';
import type { ImagesConfig } from './config.ts';
import { ArrayField } from './fields.ts';
import { decodeImage } from './image.ts';
import { type Planes, planes } from './resize.ts';
import type { DataInfo, Field } from './samples.ts';
import { channels as byChannel } from './scaling.ts';
import { listed } from './text.ts';

/** Images are kept once decoded if all of them take no more than this. */
const KEPT_BYTES = 256 * 2 ** 20;

interface Listed {
  readonly path: string;
  readonly label: bigint;
}

/** All images of a folder; the classes are its sorted folders, as torchvision's `ImageFolder` has them. */
export async function openImages(config: ImagesConfig, folder: string, info?: DataInfo): Promise<Source> {
  const { size, channels = 3 } = config.images;
  const known = info?.targets.target?.classes;
  const { classes, files } = await list(folder, known);
  const [height, width] = size ?? (await sizeOf(files[0]!.path));
  const field = imageField(files, channels, height, width, size !== undefined);
  const labels = new ArrayField(
    BigInt64Array.from(files, ({ label }) => label),
    [],
  );
  const one = { count: 1, inner: 1 };
  return {
    name: folder,
    unit: 'images',
    size: files.length,
    inputs: { input: { field, columns: [], scale: config.scale, scaled: byChannel(field.shape) } },
    targets: { target: { field: labels, columns: [], scale: 'none', scaled: one, task: 'classification', classes } },
  };
}

const extension = /\.(png|jpe?g)$/i;
const inOrder = (a: string, b: string) => (a < b ? -1 : 1);

async function list(
  folder: string,
  known?: readonly string[],
): Promise<{ classes: readonly string[]; files: Listed[] }> {
  const what = `cannot read ${folder}`;
  const entries = await explained(what, () => readdir(folder, { withFileTypes: true }));
  const found = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  if (found.length === 0) throw new TorcharcError(`${folder}: expected a folder for each class, got none`);
  const classes = known ?? found.sort(inOrder);
  const files: Listed[] = [];
  for (const name of found.sort(inOrder)) {
    const label = classes.indexOf(name);
    if (label < 0)
      throw new TorcharcError(`${folder}: expected folders named as the classes ${listed(classes)}, got '${name}'`);
    const within = await explained(what, () => readdir(join(folder, name), { recursive: true }));
    const images = within.filter((file) => extension.test(file)).sort(inOrder);
    if (images.length === 0)
      throw new TorcharcError(`${join(folder, name)}: expected images (.png, .jpg, .jpeg), got none`);
    for (const file of images) files.push({ path: join(folder, name, file), label: BigInt(label) });
  }
  return { classes, files };
}

async function decoded(path: string) {
  return decodeImage(await explained(`cannot read ${path}`, () => readFile(path)), path);
}

async function sizeOf(path: string): Promise<readonly [height: number, width: number]> {
  const { height, width } = await decoded(path);
  return [height, width];
}

/** Values 0 to 1, `[channels, height, width]`, decoded when they are taken. */
function imageField(files: readonly Listed[], channels: 1 | 3, height: number, width: number, resizes: boolean): Field {
  const each = channels * height * width;
  const kept: (Planes | undefined)[] | null = files.length * each <= KEPT_BYTES ? [] : null;
  const read = async (row: number): Promise<Planes> => {
    const { path } = files[row]!;
    const image = await decoded(path);
    if (!resizes && (image.height !== height || image.width !== width)) {
      throw new TorcharcError(
        `${path}: expected ${height} × ${width} pixels, as ${files[0]!.path} has, got ${image.height} × ${image.width}; size: [height, width] resizes them`,
      );
    }
    const bytes = planes(image, channels, height, width);
    if (kept) kept[row] = bytes;
    return bytes;
  };
  const put = (into: Float32Array, i: number, bytes: Planes) => {
    for (let j = 0; j < each; j++) into[i * each + j] = bytes[j]! / 255;
  };
  return {
    size: files.length,
    shape: [channels, height, width],
    dtype: 'float32',
    take(rows) {
      const values = new Float32Array(rows.length * each);
      const missing: number[] = [];
      for (const [i, row] of rows.entries()) {
        const bytes = kept?.[row];
        if (bytes) put(values, i, bytes);
        else missing.push(i);
      }
      const rest = async () => {
        for (const i of missing) put(values, i, await read(rows[i]!));
        return values;
      };
      return missing.length > 0 ? rest() : values;
    },
  };
}
