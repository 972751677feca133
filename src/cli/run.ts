/** The command line: arguments in, exit code out. `main.ts` gives it the process, tests give it strings. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import '../autograd/backward.ts';
import '../ops/methods.ts';
import type { Overrides } from '../train/run.ts';
import { exitCode, report } from './errors.ts';
import { graphCommand } from './graph.ts';
import type { Screen } from './progress.ts';
import { summaryCommand } from './summary.ts';
import { trainCommand } from './train.ts';
import { validateCommand } from './validate.ts';

export interface Terminal {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly cwd: string;
  /** Whether stdout is a terminal: live line and colors, or plain lines. */
  readonly isTTY: boolean;
  readonly columns?: number | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Set when the run is told to stop. */
  readonly signal?: AbortSignal;
}

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
  const { stdout, cwd, isTTY, env = {}, signal } = terminal;
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
    .description('Train a model on a CSV file, as a config says.')
    .option('--epochs <n>', 'instead of the epochs of the config', whole(1))
    .option('--seed <n>', 'instead of the seed of the config', whole(0))
    .option('--out <folder>', 'instead of the out of the config; relative to the working directory')
    .option('--resume', 'go on from the newest checkpoint of the output folder')
    .option('--tensorboard', 'write an event file for TensorBoard')
    .option('--debug', 'print where in the code an error came up')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', trainHelp)
    .action((config: string, options: Overrides) => {
      const out = options.out === undefined ? undefined : path(options.out);
      return trainCommand(path(config), { ...options, out }, screen, signal);
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
    .action((arc: string, options: { input?: string[]; batch: number }) => summaryCommand(path(arc), options, screen));

  torcharc
    .command('graph')
    .argument('<arc.yaml>', 'the arc, YAML or JSON')
    .description('Draw the modules of an arc and what flows between them.')
    .option('-o, --output <file>', 'the picture to write: .svg, .html or .mmd (Mermaid); without it a list is printed')
    .addOption(inputOption())
    .option('--debug', 'print where in the code an error came up')
    .helpOption('-h, --help', 'print this help')
    .action((arc: string, { output, input }: { output?: string; input?: string[] }) => {
      const out = output === undefined ? {} : { output: path(output) };
      return graphCommand(path(arc), { ...out, ...(input ? { input } : {}) }, screen);
    });

  torcharc
    .command('validate')
    .argument('<arc.yaml...>', 'arcs, YAML or JSON')
    .description('Say all that is wrong with arcs, as file:line:column: path: message.')
    .option('--debug', 'print where in the code an error came up')
    .helpOption('-h, --help', 'print this help')
    .action((arcs: string[]) => validateCommand(arcs.map(path), screen));

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
  optimizer: {type: Adam, lr: 0.001}
  scheduler:              * {type: CosineAnnealingLR, T_max: 20}, stepped after each epoch
  data:
    csv: digits.csv         with a header row
    target: digit           the column to predict
    task: classification    or regression
    features:             * columns to predict it from; all others
    shape: [1, 8, 8]      * of one sample; a vector of all features
    scale: {divide: 16}   * or standardize, minmax (fitted on the training part), none
    split:                * {test: 0.2, seed: 0}, the fraction held out and its own seed
  epochs: 20
  batch_size: 32          * a last batch of one sample joins the one before
  seed: 0                 * of weights, dropout and the order of samples
  out: out                * the folder to write to

What is written to the out folder: config.yaml (complete, and can be trained again), arc.json,
metrics.jsonl (a line per epoch), last.safetensors (weights after the last epoch completed) and
best.safetensors (weights of the epoch with the best test score).`;

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
