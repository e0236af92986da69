import { useState } from 'react'

// arrivals parts a list, newest first, at the newest row that was there before: what came since is new.
export function arrivals<T extends { id: string }>(rows: T[], known: ReadonlySet<string>): { fresh: T[]; old: T[] } {
  const at = rows.findIndex((r) => known.has(r.id))
  return at < 0 ? { fresh: [], old: rows } : { fresh: rows.slice(0, at), old: rows.slice(at) }
}

// useStill holds new rows back while somebody looks at the list: with the pointer or the focus in it, nothing moves.
export function useStill<T extends { id: string }>(rows: T[]) {
  const [known, setKnown] = useState<ReadonlySet<string>>()
  const { fresh, old } = known ? arrivals(rows, known) : { fresh: [], old: rows }
  const look = () => setKnown((k) => k ?? new Set(rows.map((r) => r.id)))
  const release = () => setKnown(undefined)
  return { rows: old, fresh: fresh.length, release, handlers: { onMouseEnter: look, onMouseLeave: release, onFocus: look, onBlur: release } }
}
