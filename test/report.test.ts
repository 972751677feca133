/** The HTML report of a run: curves from records, confusion matrices, and a page that hostile names cannot change. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { confusionTable, isMatrix } from '../src/report/confusion.ts';
import { bestOf, chartsOf, rowsOf, thinned } from '../src/report/curves.ts';
import { reportHtml, writeReport } from '../src/report/html.ts';

describe('records as curves', () => {
  const curves = (records: readonly Record<string, unknown>[]) => chartsOf(rowsOf(records));
  const titles = (record: Record<string, unknown>) =>
    curves([record]).map(({ title, curves }) => [title, ...curves.map(({ name }) => name)]);

  test('train and test of a metric share a chart, and the learning rate is last', () => {
    const record = {
      ...{ epoch: 1, step: 5, lr: 0.1, train_loss: 1, test_loss: 2, test_half_loss: 3, train_half_loss: 4 },
      ...{ test_half_accuracy: 0.5, perplexity: 7, test_confusion: [[1]], note: 'a text' },
    };
    expect(titles(record)).toEqual([
      ['loss', 'train', 'test'],
      ['half_loss', 'test', 'train'],
      ['half_accuracy', 'test'],
      ['perplexity', 'perplexity'],
      ['lr', 'lr'],
    ]);
  });

  test('a name of an object’s own is a name like others', () => {
    const record = JSON.parse('{"epoch": 1, "__proto__": 2, "train_constructor": 3}');
    expect(titles(record)).toEqual([
      ['__proto__', '__proto__'],
      ['constructor', 'train'],
    ]);
  });

  test('the axis is what every record has: steps, epochs, or else their places', () => {
    const places = (records: readonly Record<string, unknown>[]) => {
      const { axis, rows } = rowsOf(records);
      return [axis, ...rows.map(({ x }) => x)];
    };
    expect(
      places([
        { step: 10, epoch: 1 },
        { step: 20, epoch: 1 },
      ]),
    ).toEqual(['step', 10, 20]);
    expect(places([{ step: 10, epoch: 1 }, { epoch: 2 }])).toEqual(['epoch', 1, 2]);
    expect(places([{ epoch: 1 }, { loss: 2 }, { epoch: null }])).toEqual(['record', 1, 2, 3]);
    expect(rowsOf([])).toEqual({ axis: 'step', rows: [] });
  });

  test('records are put in order, and of those at one step the later values stand', () => {
    const [chart] = curves([
      { step: 20, train_loss: 2 },
      { step: 10, train_loss: 3, test_loss: 9 },
      { step: 10, train_loss: 4 },
    ]);
    expect(chart!.curves.map(({ x, y }) => [x, y])).toEqual([
      [
        [10, 20],
        [4, 2],
      ],
      [[10], [9]],
    ]);
  });

  test('a value that is not finite is a gap, one that was not measured is none', () => {
    const records = [
      { step: 1, epoch: 1, train_loss: 3, test_loss: 4 },
      { step: 2, epoch: 1, train_loss: null },
      { step: 3, epoch: 2, train_loss: Number.POSITIVE_INFINITY, test_loss: 5, never: null },
    ];
    expect(curves(records)).toEqual([
      {
        title: 'loss',
        better: 'lower',
        log: true,
        curves: [
          { key: 'train_loss', name: 'train', x: [1, 2, 3], y: [3, null, null], epochs: [1, 1, 2] },
          { key: 'test_loss', name: 'test', x: [1, 3], y: [4, 5], epochs: [1, 2] },
        ],
      },
    ]);
  });

  test.each([
    ['half_loss', 'lower'],
    ['value_mae', 'lower'],
    ['rmse', 'lower'],
    ['accuracy', 'higher'],
    ['breed_top5', 'higher'],
    ['r2', 'higher'],
    ['gloss', null],
    ['lr', null],
  ])('%s: good values are the %s ones', (title, better) => {
    expect(curves([{ epoch: 1, [`test_${title}`]: 1 }])).toMatchObject([{ title, better }]);
  });

  test('the best value is the first of equal ones, and never a gap', () => {
    expect(bestOf({ y: [3, null, 1, 1, 2] }, 'lower')).toBe(2);
    expect(bestOf({ y: [null, 3, 1, 3] }, 'higher')).toBe(1);
    expect(bestOf({ y: [3, 4] }, null)).toBe(null);
  });

  test('a logarithmic axis is for what falls and stays above 0', () => {
    expect(curves([{ epoch: 1, train_loss: 1, test_loss: 0, test_mae: 1, test_accuracy: 1 }])).toMatchObject([
      { title: 'loss', log: false },
      { title: 'mae', log: true },
      { title: 'accuracy', log: false },
    ]);
  });

  test('of a long curve the ends, the extremes and the gaps are drawn', () => {
    const x = Array.from({ length: 100_000 }, (_, i) => i);
    const y = x.map((i) => (i === 70_003 ? null : Math.sin(i)));
    y[12_345] = 50;
    y[54_321] = -50;
    const thin = thinned({ key: 'train_loss', name: 'train', x, y, epochs: x });
    expect(thin.x.length).toBeGreaterThan(1900);
    expect(thin.x.length).toBeLessThanOrEqual(3002);
    for (const place of [0, 12_345, 54_321, 70_003, 99_999]) expect(thin.x).toContain(place);
    expect(thin.x).toEqual([...thin.x].sort((a, b) => a - b));
    expect(thin.epochs).toEqual(thin.x);
    expect(thin.y).toEqual(thin.x.map((place) => y[place]));
  });

  test('a curve of 4000 points is drawn whole', () => {
    const x = Array.from({ length: 4000 }, (_, i) => i);
    const curve = { key: 'a', name: 'a', x, y: x, epochs: x };
    expect(thinned(curve)).toBe(curve);
  });
});

describe('confusion matrices', () => {
  /** The texts of a table's cells, row by row. */
  const cells = (html: string) =>
    [...html.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
      [...row!.matchAll(/<t[dh][^>]*>(.*?)<\/t[dh]>/g)].map(([, cell]) => cell!.replace(/<[^>]*>/g, '')),
    );

  test('counts, recall, precision and accuracy', () => {
    const html = confusionTable(
      [
        [8, 2, 0],
        [0, 0, 0],
        [1200, 0, 300],
      ],
      ['cat', 'dog'],
      'h',
    );
    expect(html).toContain('Accuracy 0.204: 308 of 1,510 samples.');
    expect(cells(html)).toEqual([
      ['true ↓ predicted →', 'cat', 'dog', '2', 'recall', 'samples'],
      ['cat', '8', '2', '', '0.800', '10'],
      ['dog', '', '0', '', '–', '0'],
      ['2', '1,200', '', '300', '0.200', '1,500'],
      ['precision', '0.007', '0.000', '1.000', '', '1,510'],
    ]);
    expect(html).toContain('<td style="--shade:66%" title="true 2, predicted cat: 1200">1,200</td>');
  });

  test('names are text', () => {
    const html = confusionTable([[1]], ['"><script>'], 'h');
    expect(html).toContain('<span title="&#34;&#62;&#60;script&#62;">&#34;&#62;&#60;script&#62;</span>');
    expect(html).not.toContain('<script>');
  });

  test('200 classes are a table, more are a sentence', () => {
    const diagonal = (size: number) =>
      Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => Number(i === j)));
    expect(cells(confusionTable(diagonal(200), [], 'h'))).toHaveLength(202);
    expect(confusionTable(diagonal(201), [], 'h')).toBe(
      '<p class="note">201 classes are too many for a table. Accuracy 1.000: 201 of 201 samples.</p>',
    );
  });

  test.each([[[]], [[[1, 2]]], [[[1], [2]]], [[['1']]], [[[-1]]], [[[null]]], [3], [null], ['text']])(
    '%j is none',
    (value) => expect(isMatrix(value)).toBe(false),
  );
});

describe('reportHtml', () => {
  const hostile = '</script><script>alert(1)</script><!-- \' "';
  const records = [
    {
      epoch: 1,
      step: 45,
      lr: 0.002,
      train_loss: 1.6,
      test_loss: 0.784004,
      test_accuracy: 0.955,
      [`test_${hostile}_loss`]: 1,
    },
    { epoch: 2, step: 90, lr: 0.001, train_loss: 0.9, test_loss: null, test_accuracy: 0.95, test_confusion: [[1]] },
    { epoch: 3, step: 135, lr: 0.0005, train_loss: 0.8, test_loss: 0.8, test_accuracy: 0.955, test_a_confusion: [[2]] },
  ];

  test('values, the last and the best', async () => {
    const html = await reportHtml({ title: 'run', subtitle: ['Adam'], records });
    const rows = [...html.matchAll(/<tr><th scope="row">(\w+)<\/th>(<td>.*)<\/tr>/g)];
    expect(rows.slice(0, 4).map(([, key, cells]) => [key, ...cells!.split(/<\/?td>/).filter(Boolean)])).toEqual([
      ['train_loss', '0.8', '0.8', 'step 135 (epoch 3)'],
      ['test_loss', '0.8', '0.784', 'step 45 (epoch 1)'],
      ['test_accuracy', '0.955', '0.955', 'step 45 (epoch 1)'],
      ['lr', '0.0005'],
    ]);
    expect(html).toContain('<h1>run</h1>\n<p>Adam</p>\n<p>3 records, the last at step 135 (epoch 3)</p>');
  });

  test('the last confusion matrix of each output, with the names of its classes', async () => {
    const classes = { '': ['zero'], a: ['one'] };
    const html = await reportHtml({ title: 'run', records, classes });
    expect([...html.matchAll(/<h2 id="confusion-.*?>(.*?)</g)].map(([, text]) => text)).toEqual([
      'Confusion matrix: test, step 90 (epoch 2)',
      'Confusion matrix: test_a, step 135 (epoch 3)',
    ]);
    expect(html).toContain('title="true zero, predicted zero: 1"');
    expect(html).toContain('title="true one, predicted one: 2"');
  });

  test('names and titles cannot end a script or begin a tag', async () => {
    const classes = { '': [hostile] };
    const page = await reportHtml({ title: hostile, subtitle: [hostile], records, classes });
    const plain = await reportHtml({ title: '', records: records.slice(1) });
    const tags = (html: string, name: string) => html.match(new RegExp(name, 'gi'))?.length ?? 0;
    for (const tag of ['<script', '</script', '<!--']) expect(tags(page, tag), tag).toBe(tags(plain, tag));
    const [, json = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/.exec(page)!;
    expect(JSON.parse(json).charts.map(({ title }: { title: string }) => title)).toContain(`${hostile}_loss`);
  });

  test('nothing is asked of a network', async () => {
    const html = await reportHtml({ title: 'run', records });
    expect(html).not.toMatch(/<(link|img|iframe)\b|\bsrc=|@import|url\(|fetch\(|XMLHttpRequest/);
    expect(html).toContain('Copyright (c) 2022 Leon Sorokin');
  });

  test('a run without records is a page that says so', async () => {
    const html = await reportHtml({ title: 'new', records: [] });
    expect(html).toContain('<h1>new</h1>\n<p>No records yet: the first one comes with the first evaluation.</p>');
    expect(html).not.toMatch(/<script|<table|<h2/);
  });

  test('100,000 records make a page of less than 300 KB, which says that curves are thinned', async () => {
    const long = Array.from({ length: 100_000 }, (_, i) => ({
      step: i + 1,
      epoch: 1 + (i >> 10),
      train_loss: 1 / (i + 1),
    }));
    const html = await reportHtml({ title: 'long', records: long });
    expect(html.length).toBeLessThan(300_000);
    expect(html).toMatch(/Long curves are thinned, extremes kept: train_loss is drawn with 2,00\d of 100,000 points\./);
  });

  const folder = mkdtempSync(join(tmpdir(), 'torcharc-report-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('writeReport writes it whole', async () => {
    await writeReport(join(folder, 'report.html'), { title: 'run', records });
    expect(readdirSync(folder)).toEqual(['report.html']);
    expect(readFileSync(join(folder, 'report.html'), 'utf8')).toBe(await reportHtml({ title: 'run', records }));
  });
});
