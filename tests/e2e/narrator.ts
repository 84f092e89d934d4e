/** How the demo speaks: steps with their times, and what people say, each in the colour of its side. */

import { stdout } from 'node:process';

const colours = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35 } as const;

export type Colour = keyof typeof colours;

/** Rocket.Chat is red and Matrix is green, all the way. */
export const rocketchat = (text: string): string => paint('red', text);
export const matrix = (text: string): string => paint('green', text);

export function paint(colour: Colour, text: string): string {
  return stdout.isTTY ? `\u001b[${colours[colour]}m${text}\u001b[0m` : text;
}

export class Narrator {
  readonly #began = Date.now();
  #stepBegan = Date.now();
  #steps = 0;
  #lastAside = '';
  readonly times: { readonly what: string; readonly ms: number }[] = [];

  title(text: string): void {
    console.log(`\n${paint('bold', text)}`);
  }

  /** A thing that is done, with what it took. */
  step(what: string, ...details: string[]): void {
    const ms = Date.now() - this.#stepBegan;
    this.times.push({ what, ms });
    this.#steps++;
    this.#lastAside = '';
    console.log(`\n${paint('bold', `${this.#steps}. ${what}`)} ${paint('dim', seconds(ms))}`);
    for (const line of details) console.log(`   ${line}`);
    this.#stepBegan = Date.now();
  }

  /** Somebody said something. */
  said(who: string, where: string, text: string): void {
    console.log(`   ${paint('bold', who)} in ${where}: ${text}`);
  }

  /** What the other side got. */
  got(label: string, text: string): void {
    console.log(`   ${paint('dim', `${label} →`)} ${text}`);
  }

  /** Something heard in between, such as a line of the server's log. */
  aside(text: string): void {
    for (const line of new Set(text.split('\n'))) {
      if (line !== '' && line !== this.#lastAside) console.log(`   ${paint('dim', `… ${line}`)}`);
      this.#lastAside = line;
    }
  }

  get total(): string {
    return seconds(Date.now() - this.#began);
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
