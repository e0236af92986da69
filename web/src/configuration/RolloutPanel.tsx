import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { NodeState } from '../api/types'
import { rolloutQuery } from '../clusters/queries'
import { Glyph } from '../nodes/state'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import s from './configuration.module.css'
import { labelOf, shownValue } from './fields'
import { share } from './rollout'

const most = 60

// RolloutPanel shows nodes take a configuration over, one by one, while one looks.
export function RolloutPanel({ cluster }: { cluster: string }) {
  const { data: r, error } = useQuery(rolloutQuery(cluster))
  return (
    <Panel title="On the nodes">
      <Trouble error={error} what="The nodes cannot be asked" healed={!!r} />
      {r ? (
        <div className={s.rollout}>
          <div className={s.track} role="progressbar" aria-label="Nodes that run with the newest version" aria-valuemin={0} aria-valuemax={r.total} aria-valuenow={r.applied}>
            <i style={{ width: `${share(r).done * 100}%` }} />
            <i data-bad="yes" style={{ width: `${share(r).bad * 100}%` }} />
          </div>
          <p role="status" className={s.said}>
            {share(r).text}
          </p>
          <ul className={s.nodes}>
            {r.nodes.slice(0, most).map((n) => (
              <li key={n.id} data-applied={n.applied ? 'yes' : 'no'}>
                <Glyph state={n.state as NodeState} pool="low" />
                <Link to="/nodes/$id" params={{ id: n.id }}>
                  {n.name}
                </Link>
                <span className={n.error ? s.bad : 'dim'}>{n.error ? 'refuses it' : n.applied ? `✓ version ${n.config_version}` : n.config_version ? `has version ${n.config_version}` : 'not heard yet'}</span>
                {n.error ? <small className={s.bad}>{n.error}</small> : null}
                {n.drift.map((d) => (
                  <small key={d.field}>
                    {labelOf(d.field)}: has {shownValue(d.field, d.has)}, wanted {shownValue(d.field, d.wanted)} · {d.how === 'live' ? 'live' : 'when it has no session'}
                  </small>
                ))}
              </li>
            ))}
          </ul>
          {r.nodes.length > most ? <p className="dim">and {r.nodes.length - most} more</p> : null}
        </div>
      ) : error ? null : (
        <Skeleton height={90} />
      )}
    </Panel>
  )
}
