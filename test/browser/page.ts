/** The page: everything a user of the package would import, bundled. */
import * as torcharc from 'torcharc';
import { scenario } from './scenario.ts';

Object.assign(window, { result: scenario(torcharc) });
