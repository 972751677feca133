import { run, type Terminal } from '../src/cli/run.ts';

/** Run the command line in a folder; what it printed, without the folder's path. */
export async function command(folder: string, args: readonly string[], terminal: Partial<Terminal> = {}) {
  let [out, err] = ['', ''];
  const code = await run(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    cwd: folder,
    isTTY: false,
    ...terminal,
  });
  const clean = (text: string) => text.replaceAll(`${folder}/`, '').replaceAll(folder, '.');
  return { code, out: clean(out), err: clean(err) };
}
