/** TensorBoard's event files: the bytes that its own writer makes, and files that go on after a kill. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { EventFile } from '../src/report/event-file.ts';
import { eventBytes, scalarsOf } from '../src/report/tensorboard.ts';

const folder = mkdtempSync(join(tmpdir(), 'torcharc-events-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/**
 * What tensorboard 2.21.0 writes for the same events; `Value` is `summary_pb2.Summary.Value`:
 *
 *     file = io.BytesIO()
 *     RecordWriter(file).write(event.SerializeToString())
 *     file.getvalue().hex()
 */
describe('eventBytes', () => {
  // Event(wall_time=1700000000.25, file_version='brain.Event:2')
  test('the version that a file begins with', () => {
    expect(hex(eventBytes({ wallTime: 1700000000.25, fileVersion: 'brain.Event:2' }))).toBe(
      '1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9',
    );
  });

  // Event(wall_time=1700000001.5, step=300, summary=Summary(value=[
  //   Value(tag='train/loss', simple_value=.5), Value(tag='test/ü', simple_value=-1e30), Value(tag='lr', simple_value=float('nan'))]))
  test('scalars, with a tag beyond ASCII and a value that is no number', () => {
    const scalars = { 'train/loss': 0.5, 'test/ü': -1e30, lr: Number.NaN };
    expect(hex(eventBytes({ wallTime: 1700000001.5, step: 300, scalars }))).toBe(
      '3c00000000000000c8b7a3520900006040fc54d94110ac022a2e0a110a0a747261696e2f6c6f7373150000003f' +
        '0a0e0a07746573742fc3bc15caf249f10a090a026c72150000c07fe5158682',
    );
  });

  // Event(wall_time=1, step=2**40, summary=Summary(value=[Value(tag='big', simple_value=float('inf'))]))
  test('a step beyond 32 bits, and a value beyond float32', () => {
    expect(hex(eventBytes({ wallTime: 1, step: 2 ** 40, scalars: { big: 1e300 } }))).toBe(
      '1e00000000000000d9dc123209000000000000f03f108080808080202a0c0a0a0a03626967150000807f4631a292',
    );
  });
});

test('tags group the charts of each part, and only numbers are scalars', () => {
  const record = {
    ...{ epoch: 1, step: 45, lr: 0.002, train_loss: 1.5, test_half_accuracy: 0.75, testing: 3 },
    ...{ test_confusion: [[1, 2]], test_value_mae: null },
  };
  expect(scalarsOf(record)).toEqual({ lr: 0.002, 'train/loss': 1.5, 'test/half_accuracy': 0.75, testing: 3 });
});

describe('EventFile', () => {
  /** The records after the file's version. */
  const body = (path: string) => hex(readFileSync(path)).slice(2 * 40);
  const record = (step: number, loss: number) =>
    hex(eventBytes({ wallTime: step, step, scalars: { 'train/loss': loss } }));

  test('a new file has a name that TensorBoard knows, its version and what was added', async () => {
    const runs = join(folder, 'new', 'run');
    const file = await EventFile.create(runs);
    expect(file.size).toBe(40);
    await file.add(1, 1, { train_loss: 0.5 });
    await file.add(2, 2, { train_loss: 0.25 });
    await file.sync();
    await file.close();
    expect(readdirSync(runs)).toEqual([expect.stringMatching(/^events\.out\.tfevents\.\d{10}\.[\w.-]+\.\d+\.\d+$/)]);
    expect(file.path).toBe(join(runs, readdirSync(runs)[0]!));
    expect(file.size).toBe(statSync(file.path).size);
    expect(body(file.path)).toBe(record(1, 0.5) + record(2, 0.25));
  });

  test('two files of one second and process differ', async () => {
    const files = [await EventFile.create(folder), await EventFile.create(folder)];
    expect(files[0]!.path).not.toBe(files[1]!.path);
    for (const file of files) await file.close();
  });

  test('after a kill it goes on from the size kept: no record twice, no half one', async () => {
    const killed = await EventFile.create(folder);
    await killed.add(1, 1, { train_loss: 0.5 });
    const kept = killed.size;
    await killed.add(2, 2, { train_loss: 0.25 });
    await killed.close();
    writeFileSync(killed.path, readFileSync(killed.path).subarray(0, -5)); // the last record was cut

    const file = await EventFile.resume(killed.path, kept);
    expect(file.size).toBe(kept);
    await file.add(2, 2, { train_loss: 0.25 });
    await file.add(3, 3, { train_loss: 0.125 });
    await file.close();
    expect(body(file.path)).toBe(record(1, 0.5) + record(2, 0.25) + record(3, 0.125));
  });

  test('a file that is gone, or shorter than what was kept, is not gone on with', async () => {
    const path = join(folder, 'short');
    await expect(EventFile.resume(path, 40)).rejects.toThrow(`cannot write ${path}: no such file or folder`);
    writeFileSync(path, 'abc');
    await expect(EventFile.resume(path, 40)).rejects.toThrow(
      `cannot go on with ${path}: expected 40 bytes or more, got 3`,
    );
    expect(readFileSync(path, 'utf8')).toBe('abc');
  });

  test('a folder that cannot be made says so', async () => {
    const path = join(folder, 'taken');
    writeFileSync(path, '');
    await expect(EventFile.create(path)).rejects.toThrow(`cannot write to ${path}: it is a file, not a folder`);
  });
});
