/** A throw-away authority and certificates by it, written in DER by hand: nothing but Node is needed. */

import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

export interface Certified {
  /** PEM. */
  cert: string;
  key: string;
}

export class Authority {
  /** PEM. */
  readonly certificate: string;
  private readonly keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  private serial = 1;

  constructor(private readonly name = 'an authority for a test') {
    const isAuthority = extension('551d13', sequence(tlv(0x01, [0xff])), true);
    this.certificate = this.sign(name, this.keys.publicKey, isAuthority);
  }

  /** A certificate for host names or IPv4 addresses. */
  issue(...names: string[]): Certified {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const entries = names.map((name) =>
      isIP(name) === 4 ? tlv(0x87, name.split('.').map(Number)) : tlv(0x82, text(name)),
    );
    return {
      cert: this.sign(names[0] ?? '', publicKey, extension('551d11', sequence(...entries))),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }

  private sign(subject: string, key: KeyObject, extension: Uint8Array): string {
    const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
    const day = 86_400_000;
    const content = sequence(
      tlv(0xa0, tlv(0x02, [2])),
      tlv(0x02, [this.serial++]),
      ecdsaWithSha256,
      named(this.name),
      sequence(time(Date.now() - day), time(Date.now() + day)),
      named(subject),
      key.export({ type: 'spki', format: 'der' }),
      tlv(0xa3, sequence(extension)),
    );
    const signature = createSign('sha256').update(content).sign(this.keys.privateKey);
    const der = Buffer.from(sequence(content, ecdsaWithSha256, tlv(0x03, [0], signature)));
    const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
  }
}

/** A tag, a length and what it is the length of. */
function tlv(tag: number, ...parts: (Uint8Array | number[])[]): Uint8Array {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Uint8Array[]): Uint8Array {
  return tlv(0x30, ...parts);
}

function oid(hex: string): Uint8Array {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function named(name: string): Uint8Array {
  return sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, text(name)))));
}

function time(at: number): Uint8Array {
  const digits = new Date(at).toISOString().replace(/[-:T]|\..*/g, '');
  return tlv(0x17, text(`${digits.slice(2)}Z`));
}

function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  return sequence(oid(id), ...(critical ? [tlv(0x01, [0xff])] : []), tlv(0x04, value));
}
