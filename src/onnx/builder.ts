/**
 * Writes one ONNX model: nodes in order, constants once each, equal nodes once (so a gradient rule may name a forward value
 * again and pay nothing). Knows protobuf and ONNX names, and neither tensors nor ONNX Runtime.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
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

export type Attribute = number | string | Float | readonly number[];
type Attributes = Readonly<Record<string, Attribute>>;

/** ONNX Runtime's own operator domains. */
export const MICROSOFT = 'com.microsoft';

export function elementType(dtype: ElementType): number {
  return elementTypes[dtype];
}

function attribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'string') {
    const s = Uint8Array.from(value, (c) => c.charCodeAt(0));
    return create(AttributeProtoSchema, { name, s, type: AttributeProto_AttributeType.STRING });
  }
  if (value instanceof Float) {
    return create(AttributeProtoSchema, { name, f: value.value, type: AttributeProto_AttributeType.FLOAT });
  }
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, i: BigInt(value), type: AttributeProto_AttributeType.INT });
  }
  return create(AttributeProtoSchema, { name, ints: value.map(BigInt), type: AttributeProto_AttributeType.INTS });
}

export class GraphBuilder {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #made = new Map<string, readonly string[]>();
  readonly #constants = new Map<string, string>();
  readonly #results = new Set<string>();
  #count = 0;

  /** How many nodes there are. */
  get size(): number {
    return this.#nodes.length;
  }

  fresh(): string {
    return `v${this.#count++}`;
  }

  input(name: string, dtype: ElementType, shape: readonly number[]): string {
    this.#inputs.push(valueInfo(name, dtype, shape));
    return name;
  }

  /** Make a value a result of the model; returns the name it is found under. */
  output(value: string, dtype: ElementType, shape: readonly number[]): string {
    const computed = value.startsWith('v');
    const name = computed && !this.#results.has(value) ? value : this.fresh();
    if (name !== value)
      this.#nodes.push(create(NodeProtoSchema, { opType: 'Identity', input: [value], output: [name] }));
    this.#results.add(name);
    this.#outputs.push(valueInfo(name, dtype, shape));
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
    const known = this.#made.get(key);
    if (known) return known;
    const output = wanted.map((want) => (want ? this.fresh() : ''));
    this.#nodes.push(
      create(NodeProtoSchema, {
        opType,
        domain,
        input: [...inputs],
        output,
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      }),
    );
    this.#made.set(key, output);
    return output;
  }

  /** A constant given as raw little-endian data. */
  constant(dtype: ElementType, shape: readonly number[], data: ArrayBufferView, key?: string): string {
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

  /** An int64 vector, as axes, shapes and pads are given. */
  ints(values: readonly number[]): string {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A float32 constant. */
  floats(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant('float32', shape, Float32Array.from(values));
  }

  reshape(x: string, shape: readonly number[]): string {
    return this.node('Reshape', [x, this.ints(shape)], { allowzero: 1 });
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
