/** How long to wait before a server that stopped is started again. Pure: time is given, not read. */

const FIRST = 1_000;
const LONGEST = 60_000;
/** A server that ran this long had no fault at its start. */
const STEADY = 60_000;
const GIVE_UP = 6;

export class Backoff {
  private failures = 0;

  /** Milliseconds to wait after a server that ran for `ran` milliseconds; undefined to give up. */
  next(ran: number): number | undefined {
    this.failures = ran > STEADY ? 1 : this.failures + 1;
    return this.failures > GIVE_UP ? undefined : Math.min(FIRST * 2 ** (this.failures - 1), LONGEST);
  }

  /** The user asked for a new start. */
  forget(): void {
    this.failures = 0;
  }
}
