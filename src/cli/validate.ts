import { validate } from '../arc/build.ts';
import { readText } from '../io/files.ts';
import { parseYaml, type Yaml } from '../io/yaml.ts';
import { type Issue, TorcharcError } from '../util/errors.ts';
import type { Screen } from './progress.ts';

/** Many mistakes are mostly one, made many times. */
const mostShown = 100;

/** `torcharc validate`: a line for each issue of each file, or that there is none. Throws at the end if there was any. */
export async function validateCommand(paths: readonly string[], screen: Screen): Promise<void> {
  const unreadable: string[] = [];
  let issues = 0;
  for (const path of paths) {
    try {
      const found = issueLines(await readText(path), path);
      issues += found.length;
      const shown = found.length > 0 ? found.slice(0, mostShown) : [`${path}: ok`];
      if (found.length > mostShown) shown.push(`${path}: and ${found.length - mostShown} more`);
      for (const line of shown) screen.write(`${line}\n`);
    } catch (e) {
      if (!(e instanceof TorcharcError)) throw e;
      unreadable.push(e.message);
    }
  }
  const count = issues > 0 ? [`${issues} ${issues === 1 ? 'issue' : 'issues'}`] : [];
  if (unreadable.length > 0 || issues > 0) throw new TorcharcError([...unreadable, ...count].join('\n'));
}

/** `file:line:column: path: message` for everything wrong in the text of an arc, in its order. */
export function issueLines(text: string, filename: string): string[] {
  let yaml: Yaml;
  try {
    yaml = parseYaml(text, filename);
  } catch (e) {
    if (e instanceof TorcharcError) return [e.message];
    throw e;
  }
  const lines = validate(yaml.value)
    .map((issue) => ({ ...yaml.locate(issue.path), issue }))
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, issue }) => `${filename}:${line}:${column}: ${shown(issue)}`);
  // a layer that stands for several has the same wrong several times
  return [...new Set(lines)];
}

function shown({ path, message }: Issue): string {
  return path ? `${path}: ${message}` : message;
}
