// Decisions and people's changes in one line of time, newest first.
import type { AuditEntry, Decision } from '../api/types'
import { fold, quiet, type Entry } from './fold'

export type Item = Entry | { kind: 'change'; entry: AuditEntry }

// doneBy tells what people and their programs changed; signing in and what tenants move are not changes of the system.
export const byPeople = (e: AuditEntry): boolean => /^(user|token):/.test(e.actor) && !['sign_in', 'sign_out'].includes(e.action) && e.object !== 'transfer'

const at = (i: Item): number => Date.parse(i.kind === 'change' ? i.entry.at : i.kind === 'action' ? i.decision.at : i.until)

// weave puts both lists, each newest first, into one. Inactions fold only up to a change that somebody made: it may be
// why the next decision differs.
export function weave(decisions: Decision[], changes: AuditEntry[]): Item[] {
  const out: Item[] = []
  let from = 0
  const flush = (to: number) => {
    out.push(...fold(decisions.slice(from, to)))
    from = to
  }
  const when = (d: Decision) => Date.parse(quiet(d) ? d.until : d.at)
  for (const entry of changes) {
    const t = Date.parse(entry.at)
    let to = from
    while (to < decisions.length && when(decisions[to]!) > t) to++
    flush(to)
    out.push({ kind: 'change', entry })
  }
  flush(decisions.length)
  return out
}

interface Source {
  oldest: string | undefined // time of the oldest row that was read
  more: boolean
}

// complete is what can be shown without a hole: nothing older than what both sources have been read to.
export function complete(items: Item[], a: Source, b: Source): Item[] {
  const edge = Math.max(...[a, b].map((s) => (s.more ? Date.parse(s.oldest ?? '') || Infinity : -Infinity)))
  return edge === -Infinity ? items : items.filter((i) => at(i) >= edge)
}

// behind is the source that must be read further to go on: the one whose oldest row is newer.
export function behind(a: Source, b: Source): 'a' | 'b' | undefined {
  if (!a.more && !b.more) return undefined
  if (!a.more) return 'b'
  if (!b.more) return 'a'
  return Date.parse(a.oldest ?? '') >= Date.parse(b.oldest ?? '') ? 'a' : 'b'
}
