/** Losses. */
export * from './loss-classification.ts';
export * from './loss-ctc.ts';
export * from './loss-embedding.ts';
export * from './loss-margin.ts';
export * from './loss-regression.ts';
export type { Reduction } from './loss-shared.ts';
