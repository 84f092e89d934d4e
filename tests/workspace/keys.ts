/** The workspace's RSA pair. One a process: making one takes long, and nothing depends on which it is. */
import { generateKeyPairSync } from 'node:crypto';

let pair: { publicKey: string; privateKey: string } | undefined;

export function federationKeys(): { publicKey: string; privateKey: string } {
  return (pair ??= generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }));
}
