/** What may stand in one roster at a time. The roster alone writes its place, -1 while it stands in none. */
export interface Member {
  place: number
}

/**
 * A set for what comes and goes with each request.
 *
 * V8's own `Set` moves to a new table every few dozen changes, and each table it has left leads to the next and
 * to all that stood in both. Once one of them counts as old, collecting the young takes everything that ever
 * passes through for alive. That carried half of all memory of requests along, and cost a fifth of their CPU.
 * Here whatever leaves is forgotten at once.
 */
export class Roster<T extends Member> implements Iterable<T> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  add(member: T): void {
    if (member.place !== -1) return
    member.place = this.#members.length
    this.#members.push(member)
  }

  delete(member: T): void {
    const { place } = member
    if (place === -1) return
    member.place = -1
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    last.place = place
    this.#members[place] = last
  }

  /** As of now: whoever is met may leave, or let others in. */
  [Symbol.iterator](): Iterator<T> {
    return [...this.#members].values()
  }
}
