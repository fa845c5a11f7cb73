/**
 * Errors by cause. Every message names the operation or option, the rule, what was got and, where there is one, the remedy.
 */
export class QuickstudyError extends Error {
  override readonly name: string = "QuickstudyError";
}

/** Tensors whose shapes do not fit the operation. */
export class ShapeError extends QuickstudyError {
  override readonly name = "ShapeError";
}

/** An option or argument outside its range, or of the wrong kind. */
export class OptionError extends QuickstudyError {
  override readonly name = "OptionError";
}

/** A symbolic tensor used where it has no meaning: outside a trace, or in another one. */
export class TraceError extends QuickstudyError {
  override readonly name = "TraceError";
}

/** A Program or model file that is truncated, damaged, hostile or of another version. */
export class FormatError extends QuickstudyError {
  override readonly name = "FormatError";
}

/** Input data that is not what it should be: labels out of range, missing classes, overlapping splits, unreadable files. */
export class DataError extends QuickstudyError {
  override readonly name = "DataError";
}

/** A file that another run is using. */
export class LockedError extends QuickstudyError {
  override readonly name = "LockedError";
}

/** A program that needs more memory than WebAssembly or the given limit has. */
export class MemoryError extends QuickstudyError {
  override readonly name = "MemoryError";
}

/** A Program that does more than the given limits allow. */
export class LimitError extends QuickstudyError {
  override readonly name = "LimitError";
}

/** A loss or gradient that is not finite; carries the address of the task, which replays it. */
export class NonFiniteError extends QuickstudyError {
  override readonly name = "NonFiniteError";

  /**
   * @param iteration outer step, counted from 0
   * @param taskKey key under which the task source gives the task again
   */
  constructor(
    message: string,
    readonly iteration: number,
    readonly taskKey: readonly [number, number],
  ) {
    super(message);
  }
}

/** Training stopped by its AbortSignal. */
export class AbortedError extends QuickstudyError {
  override readonly name = "AbortedError";
}

/** Workers that keep ending before they have done anything, or one that was ended because it took too long. */
export class WorkerError extends QuickstudyError {
  override readonly name = "WorkerError";
}
