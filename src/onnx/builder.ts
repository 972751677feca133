/**
 * Writes one ONNX model: nodes in order, constants once each, equal nodes once (so a gradient rule may name a forward value
 * again and pay nothing). Knows protobuf and ONNX names, and neither tensors nor ONNX Runtime.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_SequenceSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';

/** The opset every graph is written in. */
export const OPSET = 21;
const IR_VERSION = 10n;

/** ONNX's numbers for element types. */
const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10, float64: 11 } as const;
export type ElementType = keyof typeof elementTypes;

/** A number that is to be written as a FLOAT attribute even when it is whole. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}
export const float = (value: number) => new Float(value);

export type Attribute = number | string | Float | readonly number[] | readonly string[];
export type Attributes = Readonly<Record<string, Attribute>>;

/** ONNX Runtime's own operator domains. */
export const MICROSOFT = 'com.microsoft';

export function elementType(dtype: ElementType): number {
  return elementTypes[dtype];
}

function attribute(name: string, value: Attribute | GraphProto): AttributeProto {
  if (typeof value === 'object' && '$typeName' in value) {
    return create(AttributeProtoSchema, { name, g: value, type: AttributeProto_AttributeType.GRAPH });
  }
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, s: ascii(value), type: AttributeProto_AttributeType.STRING });
  }
  if (value instanceof Float) {
    return create(AttributeProtoSchema, { name, f: value.value, type: AttributeProto_AttributeType.FLOAT });
  }
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, i: BigInt(value), type: AttributeProto_AttributeType.INT });
  }
  if (typeof value[0] === 'string') {
    const strings = (value as readonly string[]).map(ascii);
    return create(AttributeProtoSchema, { name, strings, type: AttributeProto_AttributeType.STRINGS });
  }
  return create(AttributeProtoSchema, { name, ints: value.map(BigInt), type: AttributeProto_AttributeType.INTS });
}

function ascii(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** What a loop's body is given or makes at one step: what it carries on, and the slices of sequences. */
export interface Step {
  readonly states: readonly string[];
  readonly slices: readonly string[];
}

export class GraphBuilder {
  readonly #outer: GraphBuilder | null;
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #made = new Map<string, readonly string[]>();
  readonly #constants = new Map<string, string>();
  readonly #reshaped = new Map<string, { name: string; shape: readonly number[] }>();
  /** Values computed by this graph's own nodes that are not results of it yet. */
  readonly #own = new Set<string>();
  #count = 0;

  /** `outer`: the graph around this one, if it is a loop's body. */
  constructor(outer: GraphBuilder | null = null) {
    this.#outer = outer;
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#nodes.length;
  }

  /** A name that neither this graph nor one around or inside it has. */
  fresh(): string {
    return this.#outer ? this.#outer.fresh() : `v${this.#count++}`;
  }

  input(name: string, dtype: ElementType, shape: readonly number[]): string {
    this.#inputs.push(valueInfo(name, dtype, shape));
    return name;
  }

  /**
   * Make a value a result of the model; returns the name it is found under, and its shape there: that of what it was reshaped from
   * if it was, which saves a copy.
   */
  output(value: string, dtype: ElementType, shape: readonly number[]): { name: string; shape: readonly number[] } {
    const before = this.#reshaped.get(value);
    const found = before && this.#own.has(before.name) ? before : { name: value, shape };
    const name = this.#result(found.name);
    this.#outputs.push(valueInfo(name, dtype, found.shape));
    return { name, shape: found.shape };
  }

  /** Make an empty sequence the first result; returns its name. */
  sequenceFirst(): string {
    const name = this.node('SequenceEmpty', []);
    this.#outputs.unshift(sequenceInfo(name));
    return name;
  }

  /** The name of a result: a value computed here, and not twice. */
  #result(value: string): string {
    if (this.#own.delete(value)) return value;
    const name = this.fresh();
    this.#nodes.push(create(NodeProtoSchema, { opType: 'Identity', input: [value], output: [name] }));
    return name;
  }

  /** Add a node with one result (or find the equal one). */
  node(opType: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    return this.nodes(opType, inputs, [true], attributes, domain)[0]!;
  }

  /** Add a node with several results; those not `wanted` are left out. */
  nodes(
    opType: string,
    inputs: readonly string[],
    wanted: readonly boolean[],
    attributes: Attributes = {},
    domain = '',
  ): readonly string[] {
    const key = `${domain}:${opType}(${inputs.join(',')})${wanted.map(Number).join('')}${JSON.stringify(attributes)}`;
    const known = this.#find(key);
    if (known) return known;
    const output = wanted.map((want) => (want ? this.fresh() : ''));
    this.#add(opType, inputs, output, attributes, domain);
    this.#made.set(key, output);
    return output;
  }

  #find(key: string): readonly string[] | undefined {
    return this.#made.get(key) ?? (this.#outer ? this.#outer.#find(key) : undefined);
  }

  #add(
    opType: string,
    input: readonly string[],
    output: readonly string[],
    attributes: Readonly<Record<string, Attribute | GraphProto>>,
    domain = '',
  ): void {
    const list = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.#nodes.push(
      create(NodeProtoSchema, { opType, domain, input: [...input], output: [...output], attribute: list }),
    );
    for (const name of output) this.#own.add(name);
  }

  /**
   * A loop over the first axis of the sequences: `body` adds the nodes of one step to the graph it is given, from the states and
   * one slice of each sequence. Returns the last states, and the slices of all steps as sequences again.
   *
   * The body may name values of this graph. `reverse` walks from the end, and step t still reads and writes slice t.
   */
  scan(
    start: { readonly states: readonly string[]; readonly sequences: readonly string[]; readonly reverse?: boolean },
    body: (b: GraphBuilder, states: readonly string[], slices: readonly string[]) => Step,
  ): { readonly states: readonly string[]; readonly sequences: readonly string[] } {
    const inner = new GraphBuilder(this);
    const { states, sequences, reverse = false } = start;
    const names = [...states, ...sequences].map(() => this.fresh());
    const step = body(inner, names.slice(0, states.length), names.slice(states.length));
    const graph = inner.#body(names, [...step.states, ...step.slices]);
    const output = graph.output.map(() => this.fresh());
    const backwards = (list: readonly string[]) => list.map(() => Number(reverse));
    this.#add('Scan', [...states, ...sequences], output, {
      body: graph,
      num_scan_inputs: sequences.length,
      scan_input_directions: backwards(sequences),
      scan_output_directions: backwards(step.slices),
    });
    return { states: output.slice(0, states.length), sequences: output.slice(states.length) };
  }

  /** This graph as what a loop or a branch runs. */
  #body(inputs: readonly string[], values: readonly string[]): GraphProto {
    const info = (name: string) => create(ValueInfoProtoSchema, { name });
    const output = values.map((value) => info(this.#result(value)));
    return create(GraphProtoSchema, { name: this.fresh(), node: this.#nodes, input: inputs.map(info), output });
  }

  /** The values that one of two functions gives, by a scalar that is true or false; only that one's nodes are run. */
  branch(
    condition: string,
    whenTrue: (b: GraphBuilder) => readonly string[],
    whenFalse: (b: GraphBuilder) => readonly string[],
  ): readonly string[] {
    const [then_branch, else_branch] = [whenTrue, whenFalse].map((branch) => {
      const inner = new GraphBuilder(this);
      return inner.#body([], branch(inner));
    }) as [GraphProto, GraphProto];
    const output = then_branch.output.map(() => this.fresh());
    this.#add('If', [condition], output, { then_branch, else_branch });
    return output;
  }

  /** A constant given as raw little-endian data. It belongs to the outermost graph: loops do not make it anew. */
  constant(dtype: ElementType, shape: readonly number[], data: ArrayBufferView, key?: string): string {
    if (this.#outer) return this.#outer.constant(dtype, shape, data, key);
    const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    const id = key ?? (bytes.length <= 256 ? `${dtype}[${shape.join(',')}]${bytes.join(',')}` : undefined);
    const known = id === undefined ? undefined : this.#constants.get(id);
    if (known) return known;
    const name = `c${this.#count++}`;
    this.#initializers.push(
      create(TensorProtoSchema, { name, dataType: elementTypes[dtype], dims: shape.map(BigInt), rawData: bytes }),
    );
    if (id !== undefined) this.#constants.set(id, name);
    return name;
  }

  /** Whether a value is a constant: what is computed from it in a frozen model is computed once. */
  isConstant(value: string): boolean {
    return this.#outer ? this.#outer.isConstant(value) : this.#initializers.some(({ name }) => name === value);
  }

  /** An int64 vector, as axes, shapes and pads are given. */
  ints(values: readonly number[]): string {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A float32 constant. */
  floats(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant('float32', shape, Float32Array.from(values));
  }

  /** `from`: the shape of x, where a result may as well have that one. */
  reshape(x: string, shape: readonly number[], from?: readonly number[]): string {
    const y = this.node('Reshape', [x, this.ints(shape)], { allowzero: 1 });
    if (from) this.#reshaped.set(y, { name: x, shape: from });
    return y;
  }

  transpose(x: string, perm: readonly number[]): string {
    return perm.every((d, i) => d === i) ? x : this.node('Transpose', [x], { perm });
  }

  cast(x: string, to: ElementType): string {
    return this.node('Cast', [x], { to: elementTypes[to] });
  }

  /** The serialised model. */
  finish(): Uint8Array {
    const opset = (domain: string, version: bigint) => create(OperatorSetIdProtoSchema, { domain, version });
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'torcharc',
      opsetImport: [opset('', BigInt(OPSET)), opset(MICROSOFT, 1n)],
      graph: create(GraphProtoSchema, {
        name: 'torcharc',
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      }),
    });
    return toBinary(ModelProtoSchema, model);
  }
}

function valueInfo(name: string, dtype: ElementType, shape: readonly number[]): ValueInfoProto {
  const dim = shape.map((d) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(d) } }),
  );
  const tensor = create(TypeProto_TensorSchema, {
    elemType: elementTypes[dtype],
    shape: create(TensorShapeProtoSchema, { dim }),
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

function sequenceInfo(name: string): ValueInfoProto {
  const elemType = create(TypeProtoSchema, {
    value: { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType: elementTypes.float32 }) },
  });
  const sequence = create(TypeProto_SequenceSchema, { elemType });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'sequenceType', value: sequence } }),
  });
}
