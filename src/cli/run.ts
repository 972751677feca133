/** The command line: arguments in, exit code out. `main.ts` gives it the process, tests give it strings. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import type { Overrides } from '../train/run.ts';
import { exitCode, report } from './errors.ts';
import type { Screen } from './progress.ts';
import type { EvalOptions, PredictArgs } from './trained.ts';

export interface Terminal {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly stdin?: AsyncIterable<string>;
  readonly cwd: string;
  /** Whether stdout is a terminal: live line and colors, or plain lines. */
  readonly isTTY: boolean;
  readonly columns?: number | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Set when the run is told to stop. */
  readonly signal?: AbortSignal | undefined;
  /** Told when a run begins and ends that can be stopped by the signal. */
  readonly underWay?: ((flag: boolean) => void) | undefined;
}

/** What the commands do. Loaded when one is called, so that help is there at once. */
const commands = () => import('./commands.ts');

/** Run a command; returns the exit code: 0, 2 for bad input, 1 for a failed run, 130 if stopped. Does not throw. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const debug = argv.includes('--debug');
  try {
    await program(terminal).parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (e) {
    const code = exitCode(e);
    if (code !== 0) terminal.stderr.write(report(e, debug));
    return code;
  }
}

function program(terminal: Terminal): Command {
  const { stdout, stdin, cwd, isTTY, env = {}, signal, underWay } = terminal;
  // 0 on a terminal that does not know its size
  const columns = terminal.columns || 80;
  const colors = pc.createColors(isTTY && !env.NO_COLOR && env.TERM !== 'dumb');
  const screen: Screen = {
    write: (text) => void stdout.write(text),
    isTTY: isTTY && env.TERM !== 'dumb',
    columns,
    colors,
  };
  const path = (given: string) => (cwd === process.cwd() ? given : resolve(cwd, given));

  const torcharc = new Command('torcharc')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: () => {},
      getOutHelpWidth: () => columns,
      getOutHasColors: () => colors.isColorSupported,
    })
    .description('Neural networks from architecture specs (arcs): train them, look at them.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .option('--debug', 'print where in the code an error came up')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 the run failed, 2 bad input, 130 stopped with Ctrl-C.\nSee torcharc <command> --help for the options of a command.',
    );

  torcharc
    .command('train')
    .argument('<config.yaml>', 'what to train on what, see below')
    .description('Train a model on data, as a config says.')
    .option('--epochs <n>', 'instead of the epochs of the config', whole(1))
    .option('--seed <n>', 'instead of the seed of the config', whole(0))
    .option('--out <folder>', 'instead of the out of the config; relative to the working directory')
    .option('--resume', 'go on from the newest checkpoint of the output folder')
    .option('--tensorboard', 'write an event file for TensorBoard')
    .option('--debug', 'print where in the code an error came up')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', trainHelp)
    .action(async (config: string, options: Overrides) => {
      const { trainCommand } = await commands();
      const out = options.out === undefined ? undefined : path(options.out);
      return trainCommand(path(config), { ...options, out }, screen, { signal, underWay });
    });

  torcharc
    .command('eval')
    .argument('<run>', 'the folder that torcharc train wrote to, or one of its checkpoints')
    .description('Print the scores of a trained model on the test part of its data, or on other data.')
    .option(
      '--data <file>',
      'a file (or folder of images, or of files) of the same kind as the training data; all of it is used',
    )
    .addOption(weightsOption())
    .option('--json', 'print a JSON record')
    .option('--debug', 'print where in the code an error came up')
    .helpOption('-h, --help', 'print this help')
    .action(async (folder: string, { data, ...options }: EvalOptions) => {
      const { evalCommand } = await commands();
      return evalCommand(path(folder), { ...options, data: data === undefined ? undefined : path(data) }, screen);
    });

  torcharc
    .command('predict')
    .argument('<run>', 'the folder that torcharc train wrote to, or one of its checkpoints')
    .argument('<input...>', 'CSV or JSON lines (- for standard input), or images')
    .description('Print what a trained model says of records or images, a line each.')
    .option('-o, --output <file>', 'write to a file; .csv and .jsonl say the format')
    .addOption(new Option('--format <format>', 'of what is written; that of the input').choices(['csv', 'jsonl']))
    .addOption(weightsOption())
    .option('--scores', 'the scores of all classes')
    .option('--batch <n>', 'samples that are computed together', whole(1), 256)
    .option('--debug', 'print where in the code an error came up')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', predictHelp)
    .action(async (folder: string, inputs: string[], { output, ...options }: PredictArgs) => {
      const { predictCommand } = await commands();
      const files = inputs.map((input) => (input === '-' ? input : path(input)));
      const out = output === undefined ? undefined : path(output);
      return predictCommand(path(folder), files, { ...options, output: out }, screen, stdin);
    });

  torcharc
    .command('summary')
    .argument('<arc.yaml>', 'the arc, YAML or JSON')
    .description('Print the modules of an arc with output shapes, parameters, multiply-adds and bytes.')
    .addOption(inputOption())
    .option('--batch <n>', 'size of the batch', whole(1), 1)
    .option('--debug', 'print where in the code an error came up')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', summaryHelp)
    .action(async (arc: string, options: { input?: string[]; batch: number }) => {
      const { summaryCommand } = await commands();
      return summaryCommand(path(arc), options, screen);
    });

  torcharc
    .command('graph')
    .argument('<arc.yaml>', 'the arc, YAML or JSON')
    .description('Draw the modules of an arc and what flows between them.')
    .option('-o, --output <file>', 'the picture to write: .svg, .html or .mmd (Mermaid); without it a list is printed')
    .addOption(inputOption())
    .option('--debug', 'print where in the code an error came up')
    .helpOption('-h, --help', 'print this help')
    .action(async (arc: string, { output, input }: { output?: string; input?: string[] }) => {
      const { graphCommand } = await commands();
      const out = output === undefined ? {} : { output: path(output) };
      return graphCommand(path(arc), { ...out, ...(input ? { input } : {}) }, screen);
    });

  torcharc
    .command('validate')
    .argument('<arc.yaml...>', 'arcs, YAML or JSON')
    .description('Say all that is wrong with arcs, as file:line:column: path: message.')
    .option('--debug', 'print where in the code an error came up')
    .helpOption('-h, --help', 'print this help')
    .action(async (arcs: string[]) => {
      const { validateCommand } = await commands();
      return validateCommand(arcs.map(path), screen);
    });

  return torcharc;
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} on.`);
  };
}

const trainHelp = `
The config (paths in it are relative to it; * can be left out):
  arc: arc.yaml             an arc, or the path of one
  criterion: {type: CrossEntropyLoss}
  losses:                 * a criterion for each output instead: {mean: {type: MSELoss}, std: {type: L1Loss}}
  loss_weights:           * {mean: 1, std: 0.5}
  optimizer: {type: Adam, lr: 0.001}
  scheduler:              * {type: CosineAnnealingLR, T_max: 20}, stepped after each epoch
  schedule:               * {every: update}; {metric: mae} is what ReduceLROnPlateau watches, else the loss
  data:
    csv: digits.csv         with a header row; or idx, npy, npz, safetensors, images, series (docs/data.md)
    target: digit           the column to predict
    task: classification    or regression
    features:             * columns to predict it from; all others
    shape: [1, 8, 8]      * of one sample; a vector of all features
    scale: {divide: 16}   * or standardize, minmax (fitted on the training part), none
    inputs, targets:      * several of either, by name (docs/data.md)
    split:                * {test: 0.2, seed: 0}, the fraction held out and its own seed; {file: test.csv}
  metrics:                * [accuracy, top3, confusion] or [mae, mse, rmse, r2]; {mean: [mae]} by output
  epochs: 20
  batch_size: 32          * a last batch of one sample joins the one before
  accumulate: 4           * batches for one update
  clip: {norm: 1}         * or {value: 0.5}: limits of gradients
  evaluate_every: 500     * updates; there is an evaluation after each epoch in any case
  best: accuracy          * the score by which the best evaluation is told
  early_stopping:         * {patience: 5, metric: loss, min_delta: 0}: evaluations without a better score
  checkpoint:             * {every: 100, keep: 2}: updates; there is one after each evaluation in any case
  tensorboard: true       * as --tensorboard
  seed: 0                 * of weights, dropout and the order of samples
  out: out                * the folder to write to

What is written to the out folder: config.yaml (complete, and can be trained again), arc.json,
metrics.jsonl (a line per evaluation), checkpoints (all that --resume needs; torcharc eval and predict
work from them), last.safetensors (weights of the newest), best.safetensors (weights of the evaluation with
the best test score), report.html (curves).`;

const weightsOption = () =>
  new Option('--weights <which>', 'of the best evaluation, or the last').choices(['best', 'last']).default('best');

const predictHelp = `
CSV: a header with the columns the model was trained on, in any order; others are passed over. JSON lines:
a record each, with those columns as keys, or with an array for each input by its name. A model of a
time series forecasts what follows the end of the file.

Examples:
  torcharc predict runs new.csv -o predictions.csv
  torcharc predict runs new.jsonl --scores
  torcharc predict runs cats/*.jpg`;

const inputOption = () =>
  new Option(
    '--input <shape>',
    'shape of an input without the batch, if the arc does not say: 3,20,20 or image=3,20,20 or tokens=32:int64; may be repeated',
  ).argParser((shape: string, before: readonly string[] = []) => [...before, shape]);

const summaryHelp = `
Multiply-adds are those of one forward pass: matrix products, convolutions and recurrent layers; biases,
norms, activations and pooling count nothing. Bytes are those of what comes out of a module, in all its calls.

Examples:
  torcharc summary arc.yaml
  torcharc summary mlp.yaml --input x=64 --batch 16`;
