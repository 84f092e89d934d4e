/** The slash commands of one instance. */
import type { ISlashCommand } from '@rocket.chat/apps-engine/definition/slashcommands/index.js';

export class Commands {
  private readonly enabled = new Map<string, ISlashCommand>();
  private readonly disabled = new Map<string, ISlashCommand>();

  has(command: string): boolean {
    const name = command.toLowerCase();
    return this.enabled.has(name) || this.disabled.has(name);
  }

  /** Whether a person could run it now. */
  runs(command: string): boolean {
    return this.enabled.has(command.toLowerCase());
  }

  add(command: ISlashCommand): void {
    this.enabled.set(command.command.toLowerCase(), command);
  }

  remove(command: string): void {
    this.enabled.delete(command.toLowerCase());
    this.disabled.delete(command.toLowerCase());
  }

  enable(command: string): void {
    move(command.toLowerCase(), this.disabled, this.enabled);
  }

  disable(command: string): void {
    move(command.toLowerCase(), this.enabled, this.disabled);
  }

  list(): string[] {
    return [...this.enabled.keys()];
  }
}

function move(name: string, from: Map<string, ISlashCommand>, to: Map<string, ISlashCommand>): void {
  const command = from.get(name);
  if (command === undefined) return;
  from.delete(name);
  to.set(name, command);
}

/** Splits what follows the command: spaces part, quotes hold together. */
export function splitArguments(text: string): string[] {
  const parts = text.matchAll(/(["'])((?:\\.|(?!\1)[^\\])*)\1|[^\s]+/gs);
  return [...parts].map(([whole, quote, inside]) =>
    quote === undefined ? whole : (inside ?? '').replaceAll('\\"', '"'),
  );
}
