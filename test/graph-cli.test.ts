import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command } from './command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torcharc-graph-'));
  await write('hydra.yaml', hydra);
});
afterAll(() => rm(folder, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const read = (name: string) => readFile(join(folder, name), 'utf8');

/** `torcharc graph` in the folder. */
const graph = (...args: string[]) => command(folder, ['graph', ...args]);

const hydra = `dag_in_shape: {image: [3, 20, 20], vector: [8]}
image: {type: Conv2d, in_names: [image], layers: [[16, 4, 2], [16, 4]], batch_norm: true, activation: ReLU}
merge: {type: FiLMMerge, in_names: [image, vector], names: {feature: image, conditioner: vector}}
flatten: {type: Flatten}
body: {type: Linear, layers: [64, 32], activation: ReLU}
out: {type: Linear, out_features: 8}
fork: {type: SplitFork, shapes: {mean: [4], std: [4]}}
`;

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The elements of an SVG: names, attributes and texts. Fails where it is not well-formed XML. */
function elements(svg: string) {
  const found: { name: string; attributes: Record<string, string>; text: string }[] = [];
  const open: typeof found = [];
  const token = /<(\/?)(\w+)((?: [\w:-]+="[^"<&]*(?:&#\d+;[^"<&]*)*")*)(\/?)>|([^<>&]|&#\d+;)/gy;
  for (let end = 0; end < svg.length; end = token.lastIndex) {
    const match = token.exec(svg);
    if (!match) throw new Error(`not well-formed at ${JSON.stringify(svg.slice(end, end + 60))}`);
    const [, close, name, attributes = '', empty, text] = match;
    if (text) {
      const letter = text.length > 1 ? String.fromCodePoint(Number(text.slice(2, -1))) : text;
      for (const element of open) element.text += letter;
    } else if (close) expect(open.pop()?.name).toBe(name);
    else {
      const pairs = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!] as const);
      const element = { name: name!, attributes: Object.fromEntries(pairs), text: '' };
      found.push(element);
      if (!empty) open.push(element);
    }
  }
  expect(open).toEqual([]);
  return found;
}

/** What a picture shows, with the check that nothing lies over anything. */
function shown(svg: string) {
  const all = elements(svg);
  const ofClass = (name: string) => all.filter(({ attributes }) => attributes.class === name);
  const [paper, ...labels] = ofClass('paper').map(box);
  const boxes = [...ofClass('card').map(box), ...labels];
  for (const [i, a] of boxes.entries()) {
    expect(a.left >= 0 && a.top >= 0 && a.right <= paper!.right && a.bottom <= paper!.bottom).toBe(true);
    const over = (b: Box) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    expect(boxes.slice(i + 1).filter(over)).toEqual([]);
  }
  const cards = all.filter(({ name }) => name === 'g').length;
  expect(cards).toBe(ofClass('card').length);
  return {
    names: ofClass('name').map(({ text }) => text),
    types: ofClass('type').map(({ text }) => text),
    links: ofClass('link').map(({ attributes }) => [Number(attributes['data-from']), Number(attributes['data-to'])]),
    labels: ofClass('label').map(({ text }) => text),
    options: ofClass('options').map(({ text }) => text),
    facts: ofClass('facts').map(({ text }) => text),
  };
}

function box({ attributes }: { attributes: Record<string, string> }): Box {
  const [x = 0, y = 0, width, height] = ['x', 'y', 'width', 'height'].map((key) => Number(attributes[key] ?? 0));
  return { left: x, top: y, right: x + width!, bottom: y + height! };
}

describe('torcharc graph', () => {
  test('a list with lines on the terminal', async () => {
    const { code, out, err } = await graph('hydra.yaml');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatchInlineSnapshot(`
      "     name     type        from           output              parameters
      ○    image    input                      [batch, 3, 20, 20]
      │ ○  vector   input                      [batch, 8]
      ● │  image    Sequential  image          [batch, 16, 6, 6]        4,960
      ├─╯
      ●    merge    FiLMMerge   image, vector  [batch, 16, 6, 6]          288
      ●    flatten  Flatten     merge          [batch, 576]
      ●    body     Sequential  flatten        [batch, 32]             39,008
      ●    out      Linear      body           [batch, 8]                 264
      ●    fork     SplitFork   out            2 × [batch, 4]
      ├─╮
      │ ○  mean     output      fork           [batch, 4]
      ○    std      output      fork           [batch, 4]

      44,520 parameters · 249,088 multiply-adds
      "
    `);
  });

  test('svg: each node with type, layers, shape and parameters, each edge with its shape', async () => {
    const { code, out, err } = await graph('hydra.yaml', '-o', 'net.svg');
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe('net.svg: 6 modules, 44,520 parameters · 249,088 multiply-adds\n');
    const picture = shown(await read('net.svg'));
    expect(picture.names).toEqual([
      'image',
      'vector',
      'image',
      'merge',
      'flatten',
      'body',
      'out',
      'fork',
      'mean',
      'std',
    ]);
    expect(picture.types.join(' ')).toBe(
      'input input Sequential FiLMMerge Flatten Sequential Linear SplitFork output output',
    );
    const ends = (from: string) =>
      picture.links.filter((l) => picture.names[l[0]!] === from).map((l) => picture.names[l[1]!]);
    expect(picture.links).toEqual(
      expect.arrayContaining([
        [0, 2],
        [2, 3],
        [1, 3],
        [3, 4],
        [4, 5],
        [5, 6],
        [6, 7],
      ]),
    );
    expect(ends('fork').sort()).toEqual(['mean', 'std']);
    expect(picture.links.length).toBe(9);
    expect(picture.labels).toEqual(
      expect.arrayContaining(['image [batch, 16, 6, 6]', 'std [batch, 4]', '[batch, 576]']),
    );
    expect(picture.options).toEqual(
      expect.arrayContaining([
        'shapes={"mean":[4],"std":[4]}',
        'Conv2d(3, 16, kernel_size=(4, 4), stride=(2, 2))',
        'in_features=32, out_features=8, bias=True',
      ]),
    );
    expect(picture.facts).toEqual(expect.arrayContaining(['2 × [batch, 4]', '264 parameters · 256 multiply-adds']));
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('mmd', async () => {
    await write(
      'two.yaml',
      'dag_in_shape: [4]\na: {type: Linear, layers: [3], activation: Tanh}\nb: {type: Softmax, dim: 1}\n',
    );
    expect((await graph('two.yaml', '--output', 'net.mmd')).code).toBe(0);
    expect(await read('net.mmd')).toMatchInlineSnapshot(`
      "flowchart TD
        n0(["<b>input</b> input<br/>[batch, 4]"]):::input
        n1["<b>a</b> Sequential<br/>Linear(in#95;features=4, out#95;features=3, bias=True)<br/>Tanh<br/>[batch, 3]<br/>15 parameters · 12 multiply-adds"]:::module
        n2["<b>b</b> Softmax<br/>dim=1<br/>[batch, 3]"]:::module
        n3(["<b>output</b> output<br/>[batch, 3]"]):::output
        n0 -->|"[batch, 4]"| n1
        n1 -->|"[batch, 3]"| n2
        n2 -->|"[batch, 3]"| n3
        classDef input fill:#ddf4ff,stroke:#54aeff,color:#1f2328
        classDef module fill:#fff,stroke:#8c959f,color:#1f2328
        classDef output fill:#dafbe1,stroke:#4ac26b,color:#1f2328
      "
    `);
  });

  test('html: one page that asks for nothing', async () => {
    expect((await graph('hydra.yaml', '-o', 'net.HTML')).code).toBe(0);
    const page = await read('net.HTML');
    expect(page.match(/(?:src|href|url|import|@font-face)[=( ]/g)).toEqual(['url(']);
    expect(page).toContain('marker-end:url(#tip)');
    const svg = page.slice(page.indexOf('<svg'), page.indexOf('</svg>') + 6);
    expect(shown(svg).names.length).toBe(10);
    expect(page).toContain(
      '<tr><td>out</td><td>Linear</td><td>in_features=32, out_features=8, bias=True</td><td>[batch, 8]</td><td>264</td><td>256</td></tr>',
    );
  });

  const hostile = [
    '<script>alert(1)</script>',
    '"&\'>',
    'a\nb\u001b31m\u0000',
    ')) --> end',
    '`{x}`',
    '#35;',
    '\ud800',
    '\u202ertl',
    '名前',
    'x'.repeat(300),
  ];

  test('hostile names', async () => {
    const modules = Object.fromEntries(hostile.map((name) => [name, { ReLU: null }]));
    const calls = Object.fromEntries(hostile.map((name, i) => [name, [i === 0 ? '<b>' : hostile[i - 1]]]));
    const arc = { modules, graph: { input: { '<b>': [4] }, modules: calls, output: hostile.at(-1) } };
    await write('hostile.json', JSON.stringify(arc));
    const expected = [
      '<b>',
      ...hostile.slice(0, 2),
      'a\ufffdb\ufffd31m\ufffd',
      ...hostile.slice(3, 6),
      '\ufffd',
      '\ufffdrtl',
      '名前',
    ];
    for (const file of ['h.svg', 'h.html', 'h.mmd']) expect((await graph('hostile.json', '-o', file)).code).toBe(0);
    const { names } = shown(await read('h.svg'));
    expect(names.slice(0, -2)).toEqual(expected);
    expect(names.slice(-2)).toEqual([`${'x'.repeat(51)}…`, 'output']);
    const page = await read('h.html');
    elements(page.slice(page.indexOf('<table'), page.indexOf('</table>') + 8));
    expect(page).not.toContain('<script');
    // in Mermaid nothing but letters and entities stands between the quotes
    for (const [, text] of (await read('h.mmd')).matchAll(/"([^"\n]*)"/g)) {
      expect(text!.replace(/<\/?b>|<br\/>|#\d+;/g, '')).toMatch(/^[\p{L}\p{N}\ufffd .,:=()[\]/·×…-]*$/u);
    }
    expect((await read('h.mmd')).split('\n').length).toBe(1 + 12 + 11 + 3 + 1);
    const { out } = await graph('hostile.json');
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  test('the graph format: reuse, nested Sequentials, several results, shapes from the command line', async () => {
    await write(
      'graph.yaml',
      `modules:
  enc: {Sequential: [{LazyLinear: {out_features: 6}}, {Sequential: [{ReLU: }, {Dropout: {p: 0.1}}]}, {ReLU: }, {ReLU: }]}
  rnn: {GRU: {input_size: 6, hidden_size: 5, batch_first: true}}
  last: {Get: {key: 0}}
  sum: {MergeSum: {}}
graph:
  input: [left, right]
  modules: {enc: [left], enc~2: [right], sum: [[enc, enc~2]], rnn: [sum], last: [rnn]}
  output: {y: last, twin: enc~2}
`,
    );
    const known = await graph('graph.yaml', '-o', 'g.svg', '--input', 'left=7,3', '--input', 'right=7,3');
    expect(known).toMatchObject({ code: 0, err: '' });
    const picture = shown(await read('g.svg'));
    expect(picture.names).toEqual(['left', 'right', 'enc', 'enc~2', 'sum', 'rnn', 'last', 'y', 'twin']);
    expect(picture.options.slice(0, 4)).toEqual([
      'Linear(in_features=3, out_features=6, bias=True)',
      'Sequential',
      'ReLU',
      'Dropout(p=0.1, inplace=False)',
    ]);
    expect(picture.options[4]).toBe('2 × ReLU');
    expect(picture.facts).toEqual(expect.arrayContaining(['[batch, 7, 5]']));
    // without shapes all else is there
    const bare = await graph('graph.yaml');
    expect(bare).toMatchObject({ code: 0, err: '' });
    expect(bare.out).not.toContain('batch,');
    expect(await graph('graph.yaml', '--input', 'lfet=7,3')).toEqual({
      code: 2,
      out: '',
      err: "error: graph.yaml: --input: the model has no input 'lfet' (did you mean 'left'?); it has left, right\n",
    });
    expect(await graph('graph.yaml', '--input', '7,3', '--input', 'left=7,3')).toEqual({
      code: 2,
      out: '',
      err: "error: --input: expected name=shape where there are several, got '7,3'\n",
    });
  });

  test('modules by themselves', async () => {
    await write('conv.yaml', 'type: Conv2d\nin_shape: [3, 8, 8]\nlayers: [[4, 3], [8, 3]]\n');
    expect((await graph('conv.yaml')).out).toMatchInlineSnapshot(`
      "   name    type    from   output            parameters
      ○  input   input          [batch, 3, 8, 8]
      ●  0       Conv2d  input  [batch, 4, 6, 6]         112
      ●  1       Conv2d  0      [batch, 8, 4, 4]         296
      ○  output  output  1      [batch, 8, 4, 4]

      408 parameters · 8,496 multiply-adds
      "
    `);
  });

  test('a large net: nothing overlaps, in a moment; a huge one is refused but listed', async () => {
    const net = (n: number) => {
      const names = Array.from({ length: n }, (_, i) => `m${i}`);
      const modules = Object.fromEntries(
        names.map((name, i) => [
          name,
          i % 3 === 2 ? { MergeSum: {} } : { Linear: { in_features: 4, out_features: 4 } },
        ]),
      );
      const calls = Object.fromEntries(
        names.map((name, i) => {
          const before = (k: number) => names[i - k] ?? 'x';
          return [name, i % 3 === 2 ? [[before(1), before(3), before(7)]] : [before(i % 5 === 0 ? 2 : 1)]];
        }),
      );
      return JSON.stringify({ modules, graph: { input: { x: [4] }, modules: calls, output: names.at(-1) } });
    };
    await write('large.json', net(90));
    expect((await graph('large.json', '-o', 'large.svg')).code).toBe(0);
    const { names, links } = shown(await read('large.svg'));
    expect([names.length, links.length]).toEqual([92, 60 + 3 * 30 + 1]);
    await write('huge.json', net(1000));
    expect(await graph('huge.json', '-o', 'huge.svg')).toEqual({
      code: 2,
      out: '',
      err: 'error: expected at most 1000 nodes and 2000 edges to draw, got 1002 and 1667; text and .mmd take more\n',
    });
    expect((await graph('huge.json', '-o', 'huge.mmd')).code).toBe(0);
    expect((await graph('huge.json')).out.split('\n').length).toBeGreaterThan(1000);
  });

  test('a dense net has no labels, which would make it several times as wide', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `m${i}`);
    const arc = {
      modules: Object.fromEntries(names.map((name) => [name, { MergeSum: {} }])),
      graph: {
        input: { x: [4] },
        modules: Object.fromEntries(names.map((name, i) => [name, [['x', ...names.slice(0, i)]]])),
        output: 'm11',
      },
    };
    await write('dense.json', JSON.stringify(arc));
    expect((await graph('dense.json', '-o', 'dense.svg')).code).toBe(0);
    const { links, labels } = shown(await read('dense.svg'));
    expect([links.length, labels]).toEqual([79, []]);
  });

  test('mistakes', async () => {
    expect(await graph('hydra.yaml', '-o', 'net.png')).toEqual({
      code: 2,
      out: '',
      err: "error: --output: expected a name that ends in .svg, .html, .mmd, got 'net.png'\n",
    });
    expect(await graph('none.yaml')).toEqual({
      code: 2,
      out: '',
      err: 'error: cannot read none.yaml: no such file or folder\n',
    });
    expect(await graph('hydra.yaml', '-o', 'none/net.svg')).toEqual({
      code: 2,
      out: '',
      err: 'error: cannot write none/net.svg: no such file or folder\n',
    });
    await write('typo.yaml', 'dag_in_shape: [8]\na: {type: Linaer}\nb: {type: Linear, out_feature: 3}\n');
    const { code, out, err } = await graph('typo.yaml', '-o', 'typo.svg');
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatchInlineSnapshot(`
      "error: typo.yaml:2:5: a.type: unknown module type 'Linaer' (did you mean 'Linear'?)
      error: typo.yaml:3:1: b.out_features: missing required argument (a non-negative integer)
      error: typo.yaml:3:19: b.out_feature: unknown option (did you mean 'out_features'?); its options are in_features, out_features, bias
      "
    `);
    expect(await readdir(folder)).not.toContain('typo.svg');
    await write('shapes.yaml', 'type: Linear\nin_features: 3\nout_features: 2\n');
    expect((await graph('shapes.yaml', '--input', '4')).err).toMatchInlineSnapshot(`
      "error: shapes.yaml: Linear: linear: mat1 and mat2 shapes cannot be multiplied (2x4 and 3x2)
      "
    `);
    expect((await graph('hydra.yaml', '--input', 'image=x')).err).toBe(
      "error: --input: expected a shape such as 3,20,20 or image=3,20,20, got 'image=x'\n",
    );
  });
});
