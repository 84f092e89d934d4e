/** A bridge to something this workspace has not: every call says so. */
type Bridge = abstract new () => object;

export function absent<B extends Bridge>(Base: B, name: string): InstanceType<B> {
  // The abstract methods exist in the types only, so the concrete class may lack them.
  const bridge = new (Base as unknown as new () => object)();
  return new Proxy(bridge, {
    get: (target, property, receiver): unknown =>
      property in target || typeof property === 'symbol'
        ? Reflect.get(target, property, receiver)
        : () => Promise.reject(new Error(`The workspace in a box has no ${name}.`)),
  }) as InstanceType<B>;
}
