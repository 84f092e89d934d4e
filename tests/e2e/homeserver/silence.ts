// matrix-js-sdk writes a line per request; a test's output is for the test.

import { logger, type Logger } from 'matrix-js-sdk/lib/logger.js';

const nothing = (): void => undefined;

export const silentLogger: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  getChild: () => silentLogger,
};

/** For those parts of the library that use its global logger instead of the client's. */
export function silence(): void {
  Object.assign(logger, silentLogger, { log: nothing });
}
