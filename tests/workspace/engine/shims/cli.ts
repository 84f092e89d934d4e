/** Stands in for `@std/cli/parse-args`: `--name value` pairs are all the engine passes. */
export function parseArgs(args: string[]): Record<string, string> {
  const named: Record<string, string> = {};
  args.forEach((arg, at) => {
    const value = args[at + 1];
    if (arg.startsWith('--') && value !== undefined) named[arg.slice(2)] = value;
  });
  return named;
}
