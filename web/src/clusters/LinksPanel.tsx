import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { linksQuery, waysOf, who } from '../configuration/links'
import { plural, rate } from '../format/format'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import s from './links.module.css'

const most = 8

// LinksPanel shows how links are divided among nodes. A cluster without links has none.
export function LinksPanel({ cluster }: { cluster: string }) {
  const { data, error } = useQuery(linksQuery(cluster))
  if (!data?.items.length && !error) return null
  return (
    <Panel
      title="Links"
      aside={
        <Link to="/clusters/$name/configuration" params={{ name: cluster }}>
          change them
        </Link>
      }
    >
      <Trouble error={error} what="The links cannot be read" healed={!!data} />
      <div className={s.links}>
        {data?.items.map((l) => (
          <section key={l.name} aria-label={`Link ${l.name}`}>
            <h3>
              {l.name} <small>for {who(l)}</small>
            </h3>
            {waysOf(l).map((w) => (
              <div key={w.name} className={s.way}>
                <p>
                  <strong>{w.name}</strong> {rate(w.all.rate_bps)} of {rate(w.all.capacity_bps)} <small>{plural(w.all.sessions, 'session')}</small>
                </p>
                <ul>
                  {w.nodes.slice(0, most).map((n) => (
                    <li key={n.id} title={`may ${rate(n.may * w.all.capacity_bps)}, does ${rate(n.rate)}`}>
                      <Link to="/nodes/$id" params={{ id: n.id }}>
                        {n.name}
                      </Link>
                      <span className={s.bar} aria-hidden="true">
                        <i style={{ width: `${n.may * 100}%` }} />
                        <b style={{ width: `${n.does * 100}%` }} />
                      </span>
                      <span className={s.figures}>
                        {rate(n.rate)} <small>of {rate(n.may * w.all.capacity_bps)}</small>
                      </span>
                    </li>
                  ))}
                </ul>
                {w.nodes.length > most ? <small>and {plural(w.nodes.length - most, 'more node')}</small> : null}
              </div>
            ))}
          </section>
        ))}
      </div>
      {data?.outdated.length ? <p className={s.outdated}>{plural(data.outdated.length, 'node')} of an older release {data.outdated.length === 1 ? 'does' : 'do'} not keep to links.</p> : null}
    </Panel>
  )
}
