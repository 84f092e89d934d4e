/** Identifiers as Rocket.Chat and MongoDB make them. */
import { randomBytes, randomInt } from 'node:crypto';

// Rocket.Chat leaves out letters that look alike.
const LETTERS = '23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz';

/** 17 characters: every message, room and user. */
export function randomId(): string {
  return Array.from({ length: 17 }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('');
}

/** 24 hexadecimal characters: scheduled jobs and installed Apps. */
export function objectId(): string {
  return randomBytes(12).toString('hex');
}
