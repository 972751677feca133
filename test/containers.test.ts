/** Containers as lists and dictionaries, and what every Module can be asked. */
import { F, Module, nn, ones, Parameter, rand, realize, type Tensor, TorcharcError, tensor } from 'torcharc';
import { describe, expect, test } from 'vitest';

const linear = (n = 2) => new nn.Linear({ in_features: n, out_features: n });
const wrong = (value: unknown) => value as never;
const message = (call: () => unknown) => {
  try {
    return `returned ${String(call())}`;
  } catch (error) {
    return error instanceof TorcharcError ? String(error) : `not ours: ${String(error)}`;
  }
};
const names = (module: Module) => module.namedParameters().map(([name]) => name);

describe('Sequential', () => {
  test('of modules in a row, an array, a record, a Map or pairs', () => {
    const [a, b] = [linear(), new nn.ReLU()];
    const named = { fc: a, act: b };
    const forms = [new nn.Sequential(a, b), new nn.Sequential([a, b])];
    expect(forms.map((s) => s.keys())).toEqual([
      ['0', '1'],
      ['0', '1'],
    ]);
    const all = [named, new Map(Object.entries(named)), Object.entries(named)].map((form) => new nn.Sequential(form));
    for (const s of all)
      expect([s.keys(), s.values()]).toEqual([
        ['fc', 'act'],
        [a, b],
      ]);
    expect([new nn.Sequential(), new nn.Sequential([]), new nn.Sequential({})].map((s) => s.length)).toEqual([0, 0, 0]);
    expect(new nn.Sequential(a).get(0)).toBe(a);
    expect(all[0]!.get('act')).toBe(b);
  });

  test('append, insert, slice, pop, delete: names and state follow', () => {
    const [a, b, c] = [linear(), new nn.ReLU(), linear(3)];
    const s = new nn.Sequential(a, b).append(c);
    expect(names(s)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect([s.get(-1), s.get(1)]).toEqual([c, b]);
    expect(s.slice(1).keys()).toEqual(['1', '2']); // as PyTorch's s[1:]
    s.insert(0, new nn.Tanh());
    expect(names(s)).toEqual(['1.weight', '1.bias', '3.weight', '3.bias']);
    expect(s.pop()).toBe(c);
    expect(s.pop(0)).toBeInstanceOf(nn.Tanh);
    expect([...s]).toEqual([a, b]);
    s.set(1, c).delete(0);
    expect([s.values(), s.keys()]).toEqual([[c], ['0']]);
    s.extend(new nn.Sequential(a, b)).delete(1, 3);
    expect(s.values()).toEqual([c]);
  });

  test('calls its modules in order, with and without changes between', async () => {
    const s = new nn.Sequential({ double: new Double() });
    const x = tensor([1, 2]);
    expect(await s.forward(x).array()).toEqual([2, 4]);
    expect(await s.append(new Double()).forward(x).array()).toEqual([4, 8]);
    expect(new nn.Sequential().forward(x)).toBe(x);
  });
});

class Double extends Module {
  override forward(x: Tensor): Tensor {
    return x.mul(2);
  }
}

test('ModuleList', () => {
  const [a, b] = [linear(), linear()];
  const list = new nn.ModuleList([a, b]);
  expect(list.get(-1).args.in_features).toBe(2); // typed as what it holds
  expect(String(list)).toBe('ModuleList(\n  (0-1): 2 x Linear(in_features=2, out_features=2, bias=True)\n)');
  list.insert(1, linear(3));
  expect(String(list).split('\n')[2]).toBe('  (1): Linear(in_features=3, out_features=3, bias=True)');
  expect(list.pop(1).args.in_features).toBe(3);
  expect([...new nn.ModuleList(list)]).toEqual([a, b]);
  expect(list.slice(0, 1).values()).toEqual([a]);
  list.clear();
  expect([list.length, String(list)]).toEqual([0, 'ModuleList()']);
});

test('ModuleDict', () => {
  const [a, b] = [linear(), linear()];
  const dict = new nn.ModuleDict([['a', a]]).update(new Map([['b', b]])).update({ a: b });
  expect([dict.keys(), dict.values(), dict.has('a'), dict.has('c')]).toEqual([['a', 'b'], [b, b], true, false]);
  expect(dict.set('c', a).pop('a')).toBe(b);
  dict.delete('c');
  expect([...dict]).toEqual([b]);
  expect(new nn.ModuleDict(dict).keys()).toEqual(['b']);
});

test('ParameterList and ParameterDict make parameters of tensors', async () => {
  const p = new Parameter(ones([2]));
  const list = new nn.ParameterList([p, tensor([3])]);
  expect(list.get(0)).toBe(p);
  expect(list.get(1)).toBeInstanceOf(Parameter);
  expect(names(list.append(p))).toEqual(['0', '1']);
  expect([...list.stateDict().keys()]).toEqual(['0', '1', '2']);
  expect(list.slice(1, 2).length).toBe(1);
  const dict = new nn.ParameterDict({ z: tensor([1]), a: p });
  expect(dict.keys()).toEqual(['a', 'z']); // PyTorch sorts a dict's
  expect(
    new nn.ParameterDict([
      ['z', tensor([1])],
      ['a', p],
    ]).keys(),
  ).toEqual(['z', 'a']);
  const y = dict.get('a').mul(dict.get('z'));
  y.sum().backward();
  await realize(y);
  expect(await p.grad!.array()).toEqual([1, 1]);
});

test('what containers refuse', () => {
  const s = new nn.Sequential(linear());
  const dict = new nn.ModuleDict({ a: linear() });
  expect(
    [
      () => new nn.Sequential(wrong(3)),
      () => new nn.Sequential(linear(), wrong(null)),
      () => new nn.ModuleList(wrong(linear())),
      () => new nn.ModuleList([wrong('Linear')]),
      () => new nn.ModuleDict({ 'a.b': linear() }),
      () => new nn.ModuleDict({ '': linear() }),
      () => new nn.ModuleDict(wrong([linear()])),
      () => new nn.ParameterList([wrong(1)]),
      () => new nn.ParameterDict({ 'a.b': ones([1]) }),
      () => s.get(1),
      () => s.get('fc'),
      () => s.set(1, linear()),
      () => s.insert(3, linear()),
      () => new nn.Sequential().pop(),
      () => dict.pop('b'),
      () => dict.forward(),
      () => new nn.ParameterList().forward(),
    ].map(message),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: Sequential: expected values by name, got 3",
      "ArgError: Sequential: expected modules, got null under '1'",
      "ArgError: ModuleList: extend should be called with an iterable, but got a Linear",
      "ArgError: ModuleList: expected modules, got 'Linear' under '0'",
      "ArgError: ModuleDict: module name can't contain ".", got: a.b",
      "ArgError: ModuleDict: module name can't be empty string """,
      "ArgError: ModuleDict: expected a name and a value as element 0, got a Linear",
      "ArgError: ParameterList: expected parameters, got 1 under '0'",
      "ArgError: ParameterDict: parameter name can't contain ".", got: a.b",
      "ArgError: Sequential: no module 1; it has 0",
      "ArgError: Sequential: no module 'fc'; it has 0",
      "ArgError: Sequential: index 1 is out of range, it holds 1",
      "ArgError: Sequential: index 3 is out of range, it holds 1",
      "ArgError: Sequential: index -1 is out of range, it holds 0",
      "ArgError: ModuleDict: no module 'b'; it has a",
      "ArgError: ModuleDict: has no forward; call the modules in it",
      "ArgError: ParameterList: has no forward; use the parameters in it",
    ]
  `);
});

class Net extends Module {
  readonly body = new nn.Sequential({ fc: linear(), act: new nn.ReLU() });
  readonly scale = new nn.Buffer(ones([1]), false);

  override forward(x: Tensor): Tensor {
    return this.body.forward(x).mul(this.scale);
  }
}

test('modules, parameters and buffers by dotted names', () => {
  const net = new Net();
  expect(net.getSubmodule('')).toBe(net);
  expect(net.getSubmodule('body.act')).toBeInstanceOf(nn.ReLU);
  expect(net.getParameter('body.fc.weight')).toBe((net.body.get('fc') as nn.Linear).weight);
  expect(net.getBuffer('scale')).toBe(net.scale);
  expect([...net.stateDict().keys()]).toEqual(['body.fc.weight', 'body.fc.bias']); // the buffer is not persistent
  const tanh = new nn.Tanh();
  net.setSubmodule('body.act', tanh);
  net.setSubmodule('head', tanh);
  expect([net.getSubmodule('body.act'), net.getSubmodule('head')]).toEqual([tanh, tanh]);
  expect(
    [
      () => net.getSubmodule('body.fc2'),
      () => net.getSubmodule('scale'),
      () => net.getParameter('body.act'),
      () => net.getBuffer('body'),
      () => net.setSubmodule('', tanh),
      () => net.setSubmodule('tail.act', tanh),
    ].map(message),
  ).toMatchInlineSnapshot(`
    [
      "ArgError: Sequential has no attribute \`fc2\`",
      "ArgError: Net: \`scale\` is not an nn.Module",
      "ArgError: Sequential: \`act\` is not an nn.Parameter",
      "ArgError: Net: \`body\` is not an nn.Buffer",
      "ArgError: setSubmodule: Cannot set the submodule without a target name!",
      "ArgError: Net has no attribute \`tail\`",
    ]
  `);
});

test('forward hooks see and change inputs and outputs, in order, until taken off', async () => {
  const net = new Net();
  const seen: string[] = [];
  const act = net.getSubmodule('body.act');
  const features: Tensor[] = [];
  const first = act.registerForwardHook((module, [x], y) => {
    seen.push(`${module} ${(x as Tensor).shape} ${(y as Tensor).shape}`);
    features.push(y as Tensor);
  });
  const y = net.forward(rand([3, 2]));
  expect([seen, features[0]!.shape]).toEqual([['ReLU() 3,2 3,2'], [3, 2]]);
  await realize(y);
  const identity = new nn.Identity();
  const pre = identity.registerForwardPreHook((_, [x]) => (x as Tensor).add(1));
  identity.registerForwardHook((_module, _inputs, output) => (output as Tensor).mul(10));
  identity.registerForwardHook((_module, _inputs, output) => (output as Tensor).add(1));
  expect(await identity.forward(tensor([1])).array()).toEqual([21]);
  pre.remove();
  expect(await identity.forward(tensor([1])).array()).toEqual([11]);
  first.remove();
  net.forward(rand([3, 2]));
  expect(seen).toHaveLength(1);
  expect(Object.keys(identity)).not.toContain('forward');
});

test('requiresGrad_ and zeroGrad reach what containers hold', async () => {
  const list = new nn.ModuleList([linear(), linear()]).requiresGrad_(false);
  expect(list.parameters().some((p) => p.requiresGrad)).toBe(false);
  list.requiresGrad_();
  F.mseLoss(list.get(0).forward(ones([1, 2])), ones([1, 2])).backward();
  expect(list.get(0).weight.grad).not.toBeNull();
  list.zeroGrad();
  expect(list.get(0).weight.grad).toBeNull();
});
