/** What the packed App may cost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { costs, describe } from '../../app/build/budget.ts';

for (const cost of await costs(5)) {
  test(`the ${cost.name} keeps its budget`, () => {
    assert.ok(cost.measured <= cost.limit, describe(cost));
  });
}
