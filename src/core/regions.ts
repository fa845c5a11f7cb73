import { alignUp } from "../program/program.ts";

interface Gap {
  offset: number;
  bytes: number;
}

/**
 * Hands out regions of one linear memory: first fit among the gaps that were freed, else at the end.
 * It counts bytes and touches none.
 */
export class Regions {
  private readonly gaps: Gap[] = [];

  /** @param end where the memory that may be handed out begins */
  constructor(private end: number) {}

  /** End of the highest region that is in use. */
  get inUse(): number {
    return this.end;
  }

  take(bytes: number): number {
    const length = alignUp(Math.max(bytes, 1));
    const at = this.gaps.findIndex((gap) => gap.bytes >= length);
    const gap = this.gaps[at];
    if (gap === undefined) {
      const offset = this.end;
      this.end += length;
      return offset;
    }
    const { offset } = gap;
    gap.offset += length;
    gap.bytes -= length;
    if (gap.bytes === 0) this.gaps.splice(at, 1);
    return offset;
  }

  release(offset: number, bytes: number): void {
    const length = alignUp(Math.max(bytes, 1));
    const after = this.gaps.findIndex((gap) => gap.offset > offset);
    const at = after === -1 ? this.gaps.length : after;
    this.gaps.splice(at, 0, { offset, bytes: length });
    this.join(at);
    this.join(at - 1);
    const last = this.gaps[this.gaps.length - 1] as Gap;
    if (last.offset + last.bytes !== this.end) return;
    this.end = last.offset;
    this.gaps.pop();
  }

  /** Makes one gap of a gap and the next if they touch. */
  private join(at: number): void {
    const [gap, next] = [this.gaps[at], this.gaps[at + 1]];
    if (gap === undefined || next === undefined || gap.offset + gap.bytes !== next.offset) return;
    gap.bytes += next.bytes;
    this.gaps.splice(at + 1, 1);
  }
}
