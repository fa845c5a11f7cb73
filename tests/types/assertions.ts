/** Assertions about types: `type _ = Expect<Equal<A, B>>` does not compile unless A and B are one type. */

/** Takes `true` only. */
export type Expect<Holds extends true> = Holds;

/** Whether two types are the same, `any` and modifiers included. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Whether a value of one type is refused where the other is expected. */
export type Refused<Given, Expected> = [Given] extends [Expected] ? false : true;

/** `Expect` inside a function body. */
export declare function holds<_Holds extends true>(): void;
