/** The packets that the measured loss is of. */
export const LOSS_WINDOW_PACKETS = 500;
/** The packets in which a single loss is still remembered. */
export const LOSS_MEMORY_PACKETS = 1_000;
/** With fewer known fates than this the missing ones count as arrived: one loss of three packets is no loss of a third. */
const KNOWN_PACKETS_MIN = 30;
/** So many have to be known before nothing is supposed any more. */
const SUPPOSED_PACKETS = 100;
/** With fewer than this nothing speaks for a clean link yet. */
const CLEAN_PACKETS_MIN = 150;

/** How many of our packets are lost: of the last 500 of which the fate is known. MTU probes are not told. */
export class LossRate {
  /** 1 for each lost packet, a ring; `#at` is where the next one goes. */
  readonly #fates = new Uint8Array(LOSS_MEMORY_PACKETS);
  #at = 0;
  #known = 0;
  #lostInWindow = 0;
  #lostInMemory = 0;

  /** Share of lost packets, 0–1; undefined before any fate is known. */
  get share(): number | undefined {
    return this.#known === 0 ? undefined : this.#lostInWindow / Math.min(this.#known, LOSS_WINDOW_PACKETS);
  }

  /**
   * The same, to base decisions on: at least 30 fates are taken for known, and one packet for lost at first, of which less
   * is left with each fate that becomes known, and nothing after 100.
   */
  get cautiousShare(): number {
    const supposed = Math.max(0, 1 - this.#known / SUPPOSED_PACKETS);
    return (this.#lostInWindow + supposed) / Math.min(Math.max(this.#known, KNOWN_PACKETS_MIN), LOSS_WINDOW_PACKETS);
  }

  /** Enough fates are known, and none of the last 1000 is a loss. */
  get isClean(): boolean {
    return this.#known >= CLEAN_PACKETS_MIN && this.#lostInMemory === 0;
  }

  onAcknowledged(): void {
    this.#note(0);
  }

  onLost(): void {
    this.#note(1);
  }

  /** A packet that was told as lost was acknowledged after all; the newest lost one is taken for it. */
  onSpurious(): void {
    if (this.#lostInMemory === 0) return;
    let age = 1;
    while (this.#fates[this.#slot(age)] === 0) age += 1;
    this.#fates[this.#slot(age)] = 0;
    this.#lostInMemory -= 1;
    if (age <= LOSS_WINDOW_PACKETS) this.#lostInWindow -= 1;
  }

  reset(): void {
    this.#fates.fill(0);
    this.#known = 0;
    this.#lostInWindow = 0;
    this.#lostInMemory = 0;
  }

  #note(fate: 0 | 1): void {
    this.#lostInWindow += fate - this.#fates[this.#slot(LOSS_WINDOW_PACKETS)]!;
    this.#lostInMemory += fate - this.#fates[this.#at]!;
    this.#fates[this.#at] = fate;
    this.#at = (this.#at + 1) % LOSS_MEMORY_PACKETS;
    if (this.#known < LOSS_MEMORY_PACKETS) this.#known += 1;
  }

  /** Where the fate of so many packets ago is; 1 is the newest. */
  #slot(age: number): number {
    return (this.#at - age + LOSS_MEMORY_PACKETS) % LOSS_MEMORY_PACKETS;
  }
}

/** How many of the peer's packets do not come: of its last 500 numbers. What is late counts as missing until it comes. */
export class ReceiveLossRate {
  /** 1 for each number that came, by number modulo the length. */
  readonly #came = new Uint8Array(LOSS_WINDOW_PACKETS);
  readonly #first: number;
  #highest: number;
  #cameCount = 0;

  /** @param first the first number that is to come */
  constructor(first = 0) {
    this.#first = first;
    this.#highest = first - 1;
  }

  /** Share of missing numbers, 0–1; undefined before any has come. */
  get share(): number | undefined {
    const sent = Math.min(this.#highest - this.#first + 1, LOSS_WINDOW_PACKETS);
    return sent === 0 ? undefined : 1 - this.#cameCount / sent;
  }

  /** A packet opened; costs at most 500 steps, however far its number is ahead. Repeats and numbers too old do not count. */
  onReceived(number: number): void {
    if (number <= this.#highest - LOSS_WINDOW_PACKETS || number < this.#first) return;
    for (let ahead = Math.max(this.#highest + 1, number - LOSS_WINDOW_PACKETS + 1); ahead <= number; ahead += 1) {
      this.#cameCount -= this.#came[ahead % LOSS_WINDOW_PACKETS]!;
      this.#came[ahead % LOSS_WINDOW_PACKETS] = 0;
    }
    this.#highest = Math.max(this.#highest, number);
    this.#cameCount += 1 - this.#came[number % LOSS_WINDOW_PACKETS]!;
    this.#came[number % LOSS_WINDOW_PACKETS] = 1;
  }
}
