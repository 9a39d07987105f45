import { decodeChat, type HybridEndpoint, RawMember } from './ucrp.ts';
import { eventually } from './wait.ts';

/**
 * Members of one room who say a line each, round after round, and check that everybody hears every line, once and in the
 * same order.
 */
export class Conversation {
  readonly members: readonly RawMember[];
  readonly #heard: string[][];
  #round = 0;
  #lines = 0;

  /** `count` members, every other one of the object dialect. */
  static async open(server: HybridEndpoint, room: string, count: number): Promise<Conversation> {
    const members: RawMember[] = [];
    for (let index = 0; index < count; index += 1) {
      const enter = index === 0 ? RawMember.create : RawMember.join;
      members.push(
        await enter(server, { room, user: `user ${index}`, dialect: index % 2 === 0 ? 'string' : 'object' }),
      );
    }
    const conversation = new Conversation(members);
    // Makes the addresses of all known.
    for (const member of members) await member.send('');
    return conversation;
  }

  private constructor(members: readonly RawMember[]) {
    this.members = members;
    this.#heard = members.map(() => []);
    for (const [index, member] of members.entries()) {
      member.peer.onDatagram = ({ bytes }) => {
        const text = decodeChat(member.form, bytes)?.text;
        // The empty lines of the beginning reach those who were known by then.
        if (text !== '') this.#heard[index]!.push(text ?? bytes.toString());
      };
    }
  }

  /** Everybody says something at once, and everybody hears it. */
  async round(): Promise<void> {
    this.#round += 1;
    this.#lines += this.members.length;
    await Promise.all(this.members.map((member, index) => member.send(`${index}: line ${this.#round}`)));
    const isHeard = (): boolean =>
      this.members.every((member, index) => {
        const own = member.hasEcho ? 0 : this.#round;
        return this.#heard[index]!.length >= this.#lines - own;
      });
    await eventually(isHeard, `round ${this.#round} is heard by all`);
  }

  /** What is wrong with what was heard; undefined when nothing is. */
  fault(): string | undefined {
    const order = this.#heard[this.members.findIndex((member) => member.hasEcho)]!;
    if (new Set(order).size !== this.#lines)
      return `${new Set(order).size} different lines of ${this.#lines} were heard`;
    for (const [index, member] of this.members.entries()) {
      const expected = member.hasEcho ? order : order.filter((text) => !text.startsWith(`${index}: `));
      const heard = this.#heard[index]!;
      if (heard.length !== expected.length)
        return `${member.user} heard ${heard.length} lines instead of ${expected.length}`;
      const at = heard.findIndex((text, line) => text !== expected[line]);
      if (at !== -1) return `${member.user} heard "${heard[at]}" where others heard "${expected[at]}"`;
    }
    return undefined;
  }
}
