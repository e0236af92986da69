import { Skeleton } from '@mantine/core'
import type { PolicyPreview } from '../api/types'
import { initial, plural } from '../format/format'
import { useNames } from '../nodes/names'
import { Changes } from '../ui/Changes'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { headline, movedFigures, movedPools } from './deeds'
import s from './policy.module.css'

interface Props {
  now: PolicyPreview | undefined
  then: PolicyPreview | undefined
  error: unknown
  waiting: boolean
  edited: boolean
}

const most = 8

// PreviewPanel says what would be decided now, and what of that is the draft's doing.
export function PreviewPanel({ now, then, error, waiting, edited }: Props) {
  return (
    <Panel title={edited ? 'With your changes, now' : 'What it decides now'}>
      {error ? <Trouble error={error} what="So it would be refused" /> : null}
      {then && !error ? <Preview now={now} then={then} waiting={waiting} edited={edited} /> : error ? null : <Skeleton height={120} />}
    </Panel>
  )
}

function Preview({ now, then, waiting, edited }: Omit<Props, 'error' | 'then'> & { then: PolicyPreview }) {
  const name = useNames()
  const before = new Set(now?.reasons.map((r) => r.text))
  const after = new Set(then.reasons.map((r) => r.text))
  const gone = edited ? (now?.reasons ?? []).filter((r) => !after.has(r.text)) : []
  const figures = edited && now ? movedFigures(now.plan, then.plan) : []
  const pools = edited && now ? movedPools(now.plan, then.plan, name) : []
  return (
    <div className={`${s.preview} ${waiting ? s.waiting : ''}`} aria-live="polite" aria-busy={waiting}>
      <p className={s.headline}>{headline(edited ? now?.plan : undefined, then.plan)}</p>
      {then.plan.actions.length ? (
        <ul className={s.reasons}>
          {then.plan.actions.slice(0, most).map((a, i) => (
            <li key={i} data-new="yes">
              {initial(name(a.reason.text))}
            </li>
          ))}
          {then.plan.actions.length > most ? <li className="dim">and {plural(then.plan.actions.length - most, 'more action')}</li> : null}
        </ul>
      ) : null}
      {figures.length ? <Changes lines={figures} caption="What your changes move" /> : null}
      {pools.length ? (
        <>
          <h3>{plural(pools.length, 'node')} would be seen otherwise</h3>
          <Changes lines={pools.slice(0, most)} caption="Nodes that would be in another pool" />
        </>
      ) : null}
      {edited && !figures.length && !pools.length && !gone.length ? <p className="dim">At this moment your changes decide nothing else. They may matter under another load: see last week below.</p> : null}
      {then.warnings.length ? (
        <ul className={s.warnings} aria-label="Warnings">
          {then.warnings.slice(0, most).map((w, i) => (
            <li key={i}>
              {initial(w.text)} <small className="dim">{w.field}</small>
            </li>
          ))}
        </ul>
      ) : null}
      <h3>Reasons</h3>
      <ul className={s.reasons}>
        {then.reasons.slice(0, most).map((r, i) => (
          <li key={i} data-new={edited && now && !before.has(r.text) ? 'yes' : undefined}>
            {initial(name(r.text))}
          </li>
        ))}
        {gone.slice(0, most).map((r, i) => (
          <li key={`gone${i}`} data-new="gone">
            <span className="hidden">no longer: </span>
            {initial(name(r.text))}
          </li>
        ))}
      </ul>
    </div>
  )
}
