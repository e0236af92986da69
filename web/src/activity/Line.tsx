import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { AuditEntry } from '../api/types'
import { count } from '../format/format'
import { useNames } from '../nodes/names'
import { symbol } from '../overview/throughput'
import { keep } from '../shell/cluster'
import { Ago } from '../ui/Ago'
import { Diff } from '../ui/Diff'
import s from './activity.module.css'
import { deed } from './deed'
import { verb, why, type Entry } from './fold'
import type { Item } from './timeline'

// Line is one entry of the stream: an action and its reasons, inactions in a row, or what somebody changed.
export function Line({ item, cluster }: { item: Item; cluster: string | undefined }) {
  if (item.kind === 'change') return <Change entry={item.entry} />
  if (item.kind === 'action') return <Action entry={item} cluster={cluster} />
  return <Quiet entry={item} cluster={cluster} />
}

function Action({ entry: { decision: d }, cluster }: { entry: Extract<Entry, { kind: 'action' }>; cluster: string | undefined }) {
  const name = useNames()
  return (
    <li>
      <span className={s.sign} aria-hidden="true">
        {symbol(d.kind)}
      </span>
      <div className={s.line}>
        <Link to="/activity/$id" params={{ id: d.id }} search={keep(cluster)}>
          {d.cluster.name}: {verb(d)}
        </Link>
        <Ago at={d.at} />
      </div>
      <p className={s.why}>{name(why(d).join('; '))}</p>
    </li>
  )
}

function Quiet({ entry: e, cluster }: { entry: Extract<Entry, { kind: 'quiet' }>; cluster: string | undefined }) {
  const [open, setOpen] = useState(false)
  const name = useNames()
  const newest = e.decisions[0]!
  return (
    <li className={s.quiet}>
      <span className={s.sign} aria-hidden="true" />
      <div className={s.line}>
        <span>
          <Link to="/activity/$id" params={{ id: newest.id }} search={keep(cluster)} style={{ fontWeight: 500, color: 'inherit' }}>
            {newest.cluster.name}: no change{e.count > 1 ? ` × ${count(e.count)}` : ''}: {name(why(newest).join('; '))}
          </Link>{' '}
          {e.decisions.length > 1 ? (
            <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? 'fold' : `${e.decisions.length} reasons`}
            </button>
          ) : null}
        </span>
        <Ago at={e.until} />
      </div>
      {open ? (
        <ul>
          {e.decisions.map((d) => (
            <li key={d.id}>
              <Link to="/activity/$id" params={{ id: d.id }} search={keep(cluster)}>
                × {count(d.count)}
              </Link>{' '}
              {name(why(d).join('; '))} <Ago at={d.until} />
            </li>
          ))}
        </ul>
      ) : null}
    </li>
  )
}

function Change({ entry: e }: { entry: AuditEntry }) {
  const [open, setOpen] = useState(false)
  const d = deed(e)
  return (
    <li className={s.person}>
      <span className={s.sign} aria-hidden="true">
        {d.who.charAt(0).toUpperCase()}
      </span>
      <div className={s.line}>
        <span>
          <b>{d.who}</b> {d.did} {d.noun} <b>{d.name}</b>
          {d.how ? <span className="dim"> {d.how}</span> : null}{' '}
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? 'fold' : 'what changed'}
          </button>
        </span>
        <Ago at={e.at} />
      </div>
      {open ? (
        <div className={s.changed}>
          <Diff before={e.before} after={e.after} empty="It holds no fields that changed." />
        </div>
      ) : null}
    </li>
  )
}
