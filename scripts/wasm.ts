/** Assemble the .wat files into the modules that carry them: npx jiti scripts/wasm.ts. Tests check that they agree. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const sources = ['engine/small', 'optim/kernels', 'util/mt19937'];

const at = (path: string) => new URL(`../src/${path}`, import.meta.url);

/** The code of a .wat file, in hex. */
export async function assemble(source: string): Promise<string> {
  const parsed = (await wabt()).parseWat(source, readFileSync(at(`${source}.wat`), 'utf8'), {
    simd: true,
    bulk_memory: true,
  });
  parsed.validate();
  return Buffer.from(parsed.toBinary({}).buffer).toString('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const source of sources) {
    const lines = (await assemble(source)).match(/.{1,110}/g)!.map((line) => `  '${line}'`);
    const file = at(`${source}.ts`);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/(export const code: string =\n)[^;]*/, `$1${lines.join(' +\n')}`));
  }
}
