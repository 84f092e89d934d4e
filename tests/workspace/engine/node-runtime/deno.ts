/** The few members of `Deno` the engine's runtime touches, on Node. Injected by the bundler. */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';

function writer(stream: NodeJS.WriteStream) {
  return {
    // Copied: the encoder uses its buffer again before the pipe has taken it.
    write: (part: Uint8Array): Promise<number> =>
      new Promise((resolve, reject) => {
        stream.write(Uint8Array.from(part), (error) => {
          if (error) reject(error);
          else resolve(part.length);
        });
      }),
    writeSync: (part: Uint8Array): boolean => stream.write(part),
  };
}

export const Deno = {
  args: process.argv.slice(2),
  pid: process.pid,
  exit: (code: number): never => process.exit(code),
  stdin: { readable: Readable.toWeb(process.stdin) },
  stdout: writer(process.stdout),
  stderr: writer(process.stderr),
  open: async (file: string) => {
    const handle = await open(file, 'r');
    return { readable: handle.readableWebStream(), [Symbol.dispose]: () => void handle.close() };
  },
};

/** A global of Deno and of browsers; the runtime uses it to carry an error to its waiter. */
export class ErrorEvent extends Event {
  readonly error: unknown;
  constructor(type: string, { error }: { error: unknown }) {
    super(type);
    this.error = error;
  }
}
