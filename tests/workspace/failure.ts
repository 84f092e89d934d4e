/** An error as Rocket.Chat throws it: a code for programs, a reason for people, both in the message. */
export class MeteorError extends Error {
  readonly isClientSafe = true;
  readonly errorType = 'Meteor.Error';

  constructor(
    readonly error: string,
    readonly reason?: string,
    readonly details?: object,
  ) {
    super(reason === undefined ? `[${error}]` : `${reason} [${error}]`);
  }
}
