/** What both benchmarks need: alternating rounds, each in a process of its own that runs alone, and their medians. */
import { spawnSync } from 'node:child_process';

/** Run a command; the JSON in its last line. */
export function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

export const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** `count` rounds of ours, then the peer's; those whose peer took over 1.5 times its best do not count. */
export function rounds(count, ours, peer, timeOf) {
  const all = Array.from({ length: count }, () => ({ ours: ours(), peer: peer() }));
  const best = Math.min(...all.map((round) => (round.peer ? timeOf(round.peer) : 0)));
  return all.filter((round) => !round.peer || timeOf(round.peer) <= 1.5 * best);
}

/** Median time of a function in ms, after warming up. */
export async function time(fn, seconds, warm = 20) {
  for (let i = 0; i < warm; i++) await fn();
  const times = [];
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end || times.length < 5) {
    const start = performance.now();
    await fn();
    times.push(performance.now() - start);
  }
  return median(times);
}
