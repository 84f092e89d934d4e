/**
 * Draws `app/icon.png`: a network of three in a speech bubble, between Matrix's brackets.
 *
 * Run it by hand after a change: `cd app && node --import tsx build/icon.ts`. Shapes are signed distances
 * in pixels, negative inside, so that every edge is smooth. <https://iquilezles.org/articles/distfunctions2d/>
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

import { appFolder } from './paths.ts';

const size = 512;

type Point = readonly [x: number, y: number];
type Colour = readonly [red: number, green: number, blue: number];
/** The distance of a point from the edge of a shape. */
type Shape = (point: Point) => number;
/** A shape and its colours at the top and at the bottom of the picture. */
type Layer = readonly [shape: Shape, top: Colour, bottom: Colour];

const white: Colour = [255, 255, 255];

const nodes: Point[] = [
  [256, 176],
  [198, 266],
  [314, 266],
];

const layers: Layer[] = [
  [box([256, 256], [256, 256], 112), [38, 48, 110], [14, 18, 48]],
  [bracket(74, 1), white, white],
  [bracket(438, -1), white, white],
  [bubble(), [255, 138, 92], [240, 72, 98]],
  [
    union(...nodes.map((node, index) => line(node, nodes[(index + 1) % nodes.length] ?? node, 7))),
    white,
    white,
  ],
  [union(...nodes.map((node) => line(node, node, 25))), white, white],
];

writeFileSync(join(appFolder, 'icon.png'), png(pixels()));

/** A box around a centre, by half its width and height, with round corners. */
function box([cx, cy]: Point, [width, height]: Point, radius: number): Shape {
  return ([x, y]) => {
    const dx = Math.abs(x - cx) - width + radius;
    const dy = Math.abs(y - cy) - height + radius;
    return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) + Math.min(Math.max(dx, dy), 0) - radius;
  };
}

/** All points within a radius of a line; of a point, if the ends are one: a disc. */
function line([ax, ay]: Point, [bx, by]: Point, radius: number): Shape {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy || 1;
  return ([x, y]) => {
    const along = Math.min(Math.max(((x - ax) * dx + (y - ay) * dy) / length, 0), 1);
    return Math.hypot(x - ax - along * dx, y - ay - along * dy) - radius;
  };
}

/** A square bracket; it opens to the right or, with -1, to the left. */
function bracket(x: number, opens: 1 | -1): Shape {
  return union(
    box([x, 256], [13, 164], 4),
    box([x + opens * 20, 105], [33, 13], 4),
    box([x + opens * 20, 407], [33, 13], 4),
  );
}

/** A speech bubble: a box and a tail that narrows to its tip. */
function bubble(): Shape {
  return union(box([256, 232], [120, 108], 48), triangle([184, 325], [276, 325], [184, 402]));
}

/** A triangle whose corners are given clockwise. */
function triangle(a: Point, b: Point, c: Point): Shape {
  const edges = [
    [a, b],
    [b, c],
    [c, a],
  ] as const;
  return ([x, y]) =>
    Math.max(
      ...edges.map(([[px, py], [qx, qy]]) => {
        return ((x - px) * (qy - py) - (y - py) * (qx - px)) / Math.hypot(qx - px, qy - py);
      }),
    );
}

/** Whatever lies in one of the shapes. */
function union(...shapes: Shape[]): Shape {
  return (point) => Math.min(...shapes.map((shape) => shape(point)));
}

/** Paints the layers over each other: four bytes a pixel, red, green, blue and opacity. */
function pixels(): Buffer {
  const image = Buffer.alloc(size * size * 4);
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const [first, ...others] = layers.map(([shape, top, bottom]) => {
        const cover = Math.min(Math.max(0.5 - shape([x + 0.5, y + 0.5]), 0), 1);
        return { cover, colour: mix(top, bottom, y / size) };
      });
      if (!first) continue;
      const colour = others.reduce((under, over) => mix(under, over.colour, over.cover), first.colour);
      image.set([...colour.map(Math.round), Math.round(first.cover * 255)], (y * size + x) * 4);
    }
  }
  return image;
}

function mix(from: Colour, to: Colour, share: number): Colour {
  const channel = (index: 0 | 1 | 2): number => from[index] + (to[index] - from[index]) * share;
  return [channel(0), channel(1), channel(2)];
}

/** The smallest PNG there is: header, pixels, end. <https://www.w3.org/TR/png/> */
function png(image: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6], 8); // eight bits a channel, colour with opacity
  const rows = Array.from({ length: size }, (_, y) => image.subarray(y * size * 4, (y + 1) * size * 4));
  const filtered = Buffer.concat(rows.flatMap((row) => [Buffer.of(0), row])); // each row unfiltered
  return Buffer.concat([
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(filtered, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
