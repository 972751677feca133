/**
 * What comes out of a model, from the type of its arc.
 *
 * A type cannot see the order of a record's keys, so for a DAG the names are counted instead: whatever the order, each input
 * and each fork's output comes out unless a merge or a fork takes it. Where that leaves more than one way, the type is of all of them.
 */
import type * as nn from '../nn/index.ts';
import type { Pair } from '../ops/pair.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ConcatMerge, FiLMMerge } from './fork-merge.ts';
import type * as graphModules from './graph-modules.ts';
import type { Perceiver } from './modules/perceiver.ts';
import type { PTTSTransformer, TSTransformer } from './modules/ts-transformer.ts';

/** Of an arc that is not a literal, or has modules of your own: a tensor, which may also stand for tensors by name. */
export type AnyOutput = Tensor & Readonly<Record<string, Tensor>>;

/** What a model gives back. */
export type OutputOf<A> =
  IsAny<A> extends true
    ? AnyOutput
    : A extends { readonly dag_in_shape: infer Shape }
      ? DagOutput<Inputs<Shape>, DagModules<A>>
      : A extends { readonly graph: { readonly output: infer Output } }
        ? Referred<A, Output>
        : A extends { readonly Sequential: infer List }
          ? ListOutput<List, Tensor>
          : A extends { readonly type: infer Type }
            ? TypeOutput<Type, A>
            : AnyOutput;

/** What a caller may say of the output: where nothing is known, anything. */
export type Known<A> = [OutputOf<A>] extends [AnyOutput] ? unknown : OutputOf<A>;

type IsAny<T> = 0 extends 1 & T ? true : false;
type IsNever<T> = [T] extends [never] ? true : false;
/** Two or more: a union is not its first member alone. */
type IsSeveral<T, Each = T> =
  IsNever<T> extends true ? false : T extends unknown ? ([Each] extends [T] ? false : true) : never;
type Several<Sure extends string, Perhaps extends string = never> = {
  readonly [Name in Sure]: Tensor;
} & { readonly [Name in Perhaps]?: Tensor } extends infer T
  ? { readonly [Name in keyof T]: T[Name] }
  : never;

// ---- modules by type

type Classes = typeof nn &
  typeof graphModules & {
    ConcatMerge: typeof ConcatMerge;
    FiLMMerge: typeof FiLMMerge;
    Perceiver: typeof Perceiver;
    PTTSTransformer: typeof PTTSTransformer;
    TSTransformer: typeof TSTransformer;
  };

/** What a module of a type gives, for a tensor. */
type TypeOutput<Type, Options> = Type extends 'ReuseFork' | 'SplitFork'
  ? string extends ForkNames<Options>
    ? Readonly<Record<string, Tensor>>
    : Several<ForkNames<Options>>
  : Options extends { readonly layers: unknown }
    ? Tensor
    : Type extends 'Identity'
      ? Tensor
      : Type extends 'Reduce' | 'TorchFn'
        ? FunctionOutput<Options>
        : Type extends 'Perceiver'
          ? PerceiverOutput<Options>
          : Type extends `${string}MaxPool${number}d`
            ? PoolOutput<Type, Options>
            : ClassOutput<Type>;

type ClassOutput<Type> = Type extends keyof Classes
  ? Classes[Type] extends abstract new (
      ...options: never
    ) => { forward(...inputs: never): infer Output }
    ? Output
    : AnyOutput
  : AnyOutput;

/** Without `return_indices` the output alone. */
type PoolOutput<Type, Options> = Options extends { readonly return_indices: infer Flag }
  ? Flag extends false
    ? Tensor
    : ClassOutput<Type>
  : Tensor;

type PerceiverOutput<Options> = Options extends {
  readonly arc: { readonly postprocessor: { readonly type: infer Type } };
}
  ? Type extends 'Identity' | 'ProjectionPostprocessor' | 'ClassificationPostprocessor'
    ? Tensor
    : ClassOutput<'Perceiver'>
  : ClassOutput<'Perceiver'>;

type Camel<Name extends string> = Name extends `${infer Word}_${infer Rest}`
  ? `${Word}${Capitalize<Camel<Rest>>}`
  : Name;

type FunctionOutput<Options> = Options extends { readonly name: infer Name extends string }
  ? Name extends 'max' | 'min' | 'median'
    ? Options extends { readonly dim: infer Dim }
      ? Dim extends null
        ? Tensor
        : Pair
      : Tensor
    : Camel<Name> extends keyof Tensor
      ? Tensor[Camel<Name>] extends (...options: never) => infer Output
        ? Output
        : AnyOutput
      : AnyOutput
  : AnyOutput;

// ---- DAGs

type Unnamed = '';
type Inputs<Shape> = Shape extends readonly unknown[] ? Unnamed : keyof Shape & string;

/** Specs by name; one beside `dag_in_shape` is a DAG of its own. */
type DagModules<A> = A extends { readonly type: string } ? { readonly module: A } : Omit<A, 'dag_in_shape'>;

type ForkNames<Spec> = Spec extends { readonly type: 'ReuseFork'; readonly names: readonly (infer Name)[] }
  ? Name & string
  : Spec extends { readonly type: 'SplitFork'; readonly shapes: infer Shapes }
    ? keyof Shapes & string
    : never;

type InNames<Spec> = Spec extends { readonly in_names: infer Names }
  ? Names extends readonly (infer Name)[]
    ? Name & string
    : Names & string
  : never;

/** How a module changes what there is. */
type Kind<Spec> = Spec extends { readonly type: infer Type extends string }
  ? string extends Type | InNames<Spec> | ForkNames<Spec>
    ? 'unknown'
    : Type extends 'ReuseFork' | 'SplitFork'
      ? Spec extends { readonly in_names: readonly [unknown, unknown, ...unknown[]] }
        ? 'other'
        : 'fork'
      : Type extends 'ConcatMerge' | 'FiLMMerge'
        ? 'merge'
        : Type extends keyof Classes
          ? [TypeOutput<Type, Spec>] extends [Tensor]
            ? [Type, IsSeveral<InNames<Spec>>] extends ['Perceiver', true]
              ? 'other'
              : 'plain'
            : 'other'
          : 'unknown'
  : 'unknown';

type Kinds<M> = { [K in keyof M]: Kind<M[K]> }[keyof M];
type OfKind<M, Wanted> = { [K in keyof M]: Kind<M[K]> extends Wanted ? K : never }[keyof M];

type DagOutput<I extends string, M> = string extends I
  ? AnyOutput
  : IsNever<keyof M> extends true
    ? Tensor | ([I] extends [Unnamed] ? never : Several<I>)
    : 'unknown' extends Kinds<M>
      ? AnyOutput
      : 'other' extends Kinds<M>
        ? [IsSeveral<keyof M>, IsSeveral<I>] extends [false, false]
          ? SpecOutput<M[keyof M]>
          : unknown
        : Remaining<I, M, OfKind<M, 'fork'>, Merged<M>>;

type SpecOutput<Spec> = Spec extends { readonly type: infer Type } ? TypeOutput<Type, Spec> : AnyOutput;

/** A merge leaves the first of its inputs. */
type Merged<M> = {
  [K in keyof M]: Kind<M[K]> extends 'merge'
    ? M[K] extends { readonly in_names: readonly [unknown, ...infer Rest] }
      ? Rest[number] & string
      : never
    : never;
}[keyof M];

/** All that forks `F` give, and what they name to take. */
type Forked<M, F extends keyof M> = { [K in F]: ForkNames<M[K]> }[F];
type Claimed<M, F extends keyof M> = { [K in F]: InNames<M[K]> }[F];
type Claimless<M, F extends keyof M> = { [K in F]: IsNever<InNames<M[K]>> extends true ? K : never }[F];

/**
 * What is left of inputs `I` by modules `M`, of which `F` are forks, when merges took `Gone`.
 *
 * `in_names` mean nothing to a module that is given a lone tensor, so they count only where there must be more than one: with
 * an input that no one can have taken, or several inputs and no merges.
 */
type Remaining<I extends string, M, F extends keyof M, Gone extends string> =
  IsNever<F> extends true
    ? Exactly<Exclude<I, Gone>, M, F>
    : IsSeveral<F> extends true
      ? IsDistinct<I, M, F> extends true
        ? OfForks<I, M, F, Gone>
        : Perhaps<I, M, F>
      : IsSeveral<I> extends false
        ? Exactly<Exclude<Forked<M, F>, Gone>, M, F>
        : IsDistinct<I, M, F> extends true
          ? OfFork<Exclude<I, Gone>, Exclude<Forked<M, F>, Gone>, M, F>
          : // what it takes it may give again
            [Gone, Extract<Forked<M, F>, I>] extends [never, Claimed<M, F>]
            ? Several<I | Forked<M, F>>
            : Perhaps<I, M, F>;

/** One fork takes one of several inputs that merges left. */
type OfFork<Left extends string, Given extends string, M, F extends keyof M> =
  IsSeveral<Left> extends false
    ? Exactly<Given, M, F>
    : IsNever<Claimed<M, F>> extends false
      ? Exactly<Exclude<Left, Claimed<M, F>> | Given, M, F>
      : IsOne<Left | Given, F> extends true
        ? One<M, F>
        : Several<Given, Left>;

type OfForks<I extends string, M, F extends keyof M, Gone extends string> =
  IsOne<Exclude<I | Forked<M, F>, Gone>, F> extends true
    ? One<M, F>
    : [Gone, IsSeveral<I>, IsNever<Claimless<M, F>>] extends [never, true, true]
      ? Several<Exclude<I | Forked<M, F>, Claimed<M, F>>>
      : [Gone, IsSeveral<I>, IsSeveral<Firsts<M, F>>, Claimless<M, Firsts<M, F>>, Lone<M, F>] extends [
            never,
            false,
            false,
            never,
            never,
          ]
        ? Several<Exclude<Forked<M, F>, Claimed<M, Exclude<F, Firsts<M, F>>>>>
        : Several<never, Exclude<I | Forked<M, F>, Gone | Unnamed>>;

/** Forks that may come first: those that do not take what another gives. */
type Firsts<M, F extends keyof M> = {
  [K in F]: IsNever<InNames<M[K]>> extends true ? K : InNames<M[K]> extends Forked<M, Exclude<F, K>> ? never : K;
}[F];

type IsDistinct<I extends string, M, F extends keyof M> = IsNever<
  { [K in F]: ForkNames<M[K]> & (I | Forked<M, Exclude<F, K>>) }[F]
>;

/** Names of forks that give one output. */
type Lone<M, F extends keyof M> = {
  [K in F]: IsSeveral<ForkNames<M[K]>> extends true ? never : ForkNames<M[K]>;
}[F];

/** A lone tensor has no name, unless a fork of one output gave it. */
type One<M, F extends keyof M> = Tensor | Each<Lone<M, F>>;
type Each<Name extends string> = Name extends string ? Several<Name> : never;
type Exactly<Names extends string, M, F extends keyof M> = IsSeveral<Names> extends true ? Several<Names> : One<M, F>;
type Perhaps<I extends string, M, F extends keyof M> = Tensor | Several<never, Exclude<I | Forked<M, F>, Unnamed>>;

/** Whether one name is left when each fork has taken one. */
type IsOne<Names extends string, F> = Size<Names> extends [...Size<F>, 0] ? true : false;
/** A tuple with as many entries as a union has members. */
type Size<U, Last = LastOf<U>> = IsNever<U> extends true ? [] : [...Size<Exclude<U, Last>>, 0];
type LastOf<U> = (U extends unknown ? (give: () => U) => void : never) extends (give: infer G) => void
  ? G extends () => infer Last
    ? Last
    : never
  : never;

// ---- the graph format

/** What stands under a name, or lists and records of that. */
type Referred<A, Refs> = Refs extends string
  ? NodeOutput<A, Refs>
  : Refs extends readonly unknown[] | Readonly<Record<string, unknown>>
    ? { readonly [Key in keyof Refs]: Referred<A, Refs[Key]> }
    : AnyOutput;

type NodeOutput<A, Name extends string> = string extends Name
  ? AnyOutput
  : A extends {
        readonly modules: infer Modules;
        readonly graph: { readonly input: infer Input; readonly modules: infer Calls };
      }
    ? Name extends InputNames<Input>
      ? Tensor
      : ModuleName<Name> extends keyof Modules
        ? ModuleOutput<
            Modules[ModuleName<Name>],
            { arc: A; refs: Name extends keyof Calls ? First<Calls[Name]> : never }
          >
        : AnyOutput
    : AnyOutput;

type InputNames<Input> = Input extends string ? Input : Input extends readonly (infer Name)[] ? Name : keyof Input;
type ModuleName<Name extends string> = Name extends `${infer Module}~${string}` ? Module : Name;
/** What a module is given first. */
type First<Call> = Call extends readonly [infer Refs, ...unknown[]]
  ? Refs
  : Call extends readonly unknown[]
    ? never
    : Call[keyof Call];
/** What comes in: what references of an arc stand for, or a value; looked up only where a module passes it on. */
type Came<In> = In extends { arc: infer A; refs: infer Refs }
  ? Referred<A, Refs>
  : In extends { list: infer Before; in: infer Outer }
    ? ListOutput<Before, Outer>
    : In;

type ModuleOutput<Spec, In> = Spec extends { readonly Sequential: infer List }
  ? ListOutput<List, In>
  : Spec extends { readonly compact: infer Compact }
    ? CompactOutput<Compact, In>
    : { [Type in keyof Spec]: GraphTypeOutput<Type, Spec[Type], In> }[keyof Spec];

type GraphTypeOutput<Type, Options, In> = Type extends 'Get'
  ? Part<Came<In>, Options extends { readonly key: infer Key } ? Key : never>
  : Type extends 'Identity'
    ? Came<In>
    : TypeOutput<Type, { readonly type: Type } & (Options extends object ? Options : object)>;

type ListOutput<List, In> = List extends readonly [...infer Before, infer Last]
  ? ModuleOutput<Last, { list: Before; in: In }>
  : List extends readonly []
    ? Came<In>
    : AnyOutput;

type CompactOutput<Compact, In> = Compact extends { readonly postlayer: readonly [...unknown[], infer Last] }
  ? ModuleOutput<Last, unknown>
  : Compact extends { readonly layer: { readonly type: infer Type; readonly args: readonly [unknown, ...unknown[]] } }
    ? ModuleOutput<{ readonly [T in Type & string]: object }, In>
    : AnyOutput;

/** One of several results. */
type Part<Results, Key> = Results extends AnyOutput
  ? AnyOutput
  : Results extends Pair
    ? Tensor
    : Results extends readonly unknown[]
      ? `${Key & (string | number)}` extends infer Place extends keyof Results
        ? Results[Place]
        : Results[number]
      : Key extends keyof Results
        ? Results[Key]
        : Results extends object
          ? Results[keyof Results]
          : AnyOutput;
