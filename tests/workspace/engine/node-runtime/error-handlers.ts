/** Errors nobody caught are told to the host, and the process lives on: so newer servers do it. */
// @ts-expect-error resolved by the bundler to the engine's runtime
import * as Messenger from 'engine-runtime/lib/messenger.ts';

export default function registerErrorListeners(): void {
  process.on('uncaughtException', (error: Error, origin: string) => {
    (Messenger as { sendNotification(note: object): void }).sendNotification({
      method: origin,
      params: [error.stack ?? String(error)],
    });
  });
}
