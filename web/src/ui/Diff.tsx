import { changes } from './diff'
import s from './diff.module.css'

// Diff shows what changed between two documents in words: field, before → after.
export function Diff({ before, after, empty = 'Nothing in it changed.' }: { before?: unknown; after?: unknown; empty?: string }) {
  const list = changes(before, after)
  if (!list.length) return <p className="dim">{empty}</p>
  return (
    <dl className={s.diff}>
      {list.map((c) => (
        <div key={c.path}>
          <dt title={c.path}>{c.name}</dt>
          <dd>
            {c.before !== undefined ? <del aria-label={`was ${c.before}`}>{c.before}</del> : null}
            {c.before !== undefined && c.after !== undefined ? <span aria-hidden="true"> → </span> : null}
            {c.after !== undefined ? <ins aria-label={`is ${c.after}`}>{c.after}</ins> : null}
          </dd>
        </div>
      ))}
    </dl>
  )
}
