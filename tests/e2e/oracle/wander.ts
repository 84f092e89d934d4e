// Forks at random: both sides do what comes to their minds while they do not hear each other.

import type { Pair } from '../homeserver/pair.ts';
import type { Person, Scene } from './scene.ts';

/** The first of each side stays in the room, whatever happens. */
export interface Sides {
  readonly near: readonly Person[];
  readonly far: readonly Person[];
}

export async function wander(
  scene: Scene,
  pair: Pair,
  { near, far }: Sides,
  { seed, rounds }: { readonly seed: number; readonly rounds: number },
): Promise<void> {
  const dice = new Dice(seed);
  const others = [...near.slice(1), ...far.slice(1)];
  const [ann, ben] = [dice.one(near.slice(0, 1)), dice.one(far.slice(0, 1))];
  for (let round = 0; round < rounds; round += 1) {
    // Both deaf, or one of them.
    const deaf = dice.one(['both', 'both', 'near', 'far']);
    if (deaf !== 'near') pair.toFar.hold();
    if (deaf !== 'far') pair.toNear.hold();
    for (let act = 0; act < 12; act += 1) {
      const side = dice.one([near, far]);
      await scene.attempt(() => something(scene, dice, side, { ann, ben, others }));
    }
    // Whatever the dice refused: one of these is not heard before the next, so that states differ in each round.
    for (const [turn, person] of [ben, ann, ben].entries()) {
      const member = { membership: 'join', displayname: `${round}.${turn}` };
      await scene.set(person, 'm.room.member', member, person.id);
    }
    pair.release();
    await scene.settle(ann, ben);
  }
}

interface Cast {
  readonly ann: Person;
  readonly ben: Person;
  readonly others: readonly Person[];
}

/** Nothing here needs the other server, which might not hear. */
async function something(scene: Scene, dice: Dice, side: readonly Person[], cast: Cast): Promise<string> {
  const person = dice.one(side);
  const victim = dice.one(cast.others);
  const text = `${dice.below(1000)}`;
  const member = (membership: string, of = victim): Promise<string> =>
    scene.set(person, 'm.room.member', { membership }, of.id);
  const level = (): number => dice.one([0, 25, 50, 75]);
  const acts: (() => Promise<string>)[] = [
    () => scene.say(person, text),
    () => scene.set(person, 'm.room.topic', { topic: text }),
    () => scene.set(person, 'm.room.name', { name: text }),
    () => scene.set(person, 'test.state', { text }, dice.one(['a', 'b'])),
    () => scene.set(person, 'm.room.join_rules', { join_rule: dice.one(['public', 'invite']) }),
    () => scene.set(person, 'm.room.member', { membership: 'join', displayname: text }, person.id),
    () => member('ban'),
    () => member('leave'),
    () => member('join', person),
    () => member('invite', dice.one(side)),
    () => scene.redact(person, dice.one(scene.sent)),
    () =>
      scene.set(
        person,
        'm.room.power_levels',
        scene.levels({
          [cast.ben.id]: dice.one([50, 75, 90]),
          ...Object.fromEntries(cast.others.map(({ id }) => [id, level()])),
        }),
      ),
  ];
  return await dice.one(acts)();
}

/** The same throws for the same seed. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  one<T>(from: readonly T[]): T {
    const thrown = from[this.below(from.length)];
    if (thrown === undefined) throw new Error('There is nothing to choose from');
    return thrown;
  }

  /** Mulberry32. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }
}
