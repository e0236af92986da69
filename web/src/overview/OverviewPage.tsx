import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, Navigate } from '@tanstack/react-router'
import { figuresQuery, overviewQuery, rereadMs } from '../api/queries'
import { useReread } from '../api/reread'
import type { Failure, Overview, TenantRate } from '../api/types'
import { initial, plural, rate } from '../format/format'
import { withNames } from '../nodes/names'
import { ConditionList } from '../conditions/ConditionList'
import { recentConditionsQuery } from '../conditions/queries'
import { keep, useCluster } from '../shell/cluster'
import { useStale } from '../ui/Aged'
import { Ago } from '../ui/Ago'
import { Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { Ahead } from './Ahead'
import { Flock } from './Flock'
import s from './overview.module.css'
import { ThroughputChart } from './ThroughputChart'
import { verdict } from './verdict'

// A flock larger than this is read less often: its events tell what moves.
const manyNodes = 500

export function OverviewPage() {
  const cluster = useCluster()
  const whole = useQuery(overviewQuery(cluster))
  const { data: figures } = useQuery({ ...figuresQuery(cluster), enabled: !whole.data })
  const { error, isFetching, refetch } = whole
  const o = whole.data ?? figures
  useReread(refetch, (o?.nodes.length ?? 0) > manyNodes ? rereadMs.nodes : rereadMs.overview)
  // What was read before the first cluster was made is not to be believed.
  if (o && o.clusters.length === 0 && !cluster && isFetching) return null
  if (o && o.clusters.length === 0 && !cluster) return <Navigate to="/start" replace />
  return (
    <Page title="Overview" name="Overview">
      <Trouble error={error} what="The overview cannot be read" healed={!!o} />
      {o ? <Figures o={o} whole={!!whole.data} cluster={cluster} /> : error ? null : <Waiting />}
      <Same command={`godwit node list${cluster ? ` --cluster ${cluster}` : ''}`} />
    </Page>
  )
}

// Figures shows the overview. Until it is whole its nodes are still to come.
function Figures({ o, whole, cluster }: { o: Overview; whole: boolean; cluster: string | undefined }) {
  const stale = useStale(Date.parse(o.at))
  const doing = withNames(o.doing, o.nodes)
  const [first = '', ...rest] = doing.split('; ')
  const running = o.clusters.reduce((a, c) => a + (c.nodes.by_state.running ?? 0), 0)
  const { well, text } = verdict(o.healthy, running, stale)
  return (
    <>
      <div className={`${s.doing} ${stale ? 'stale' : ''}`} data-well={well ? 'yes' : 'no'} role="status">
        <div className={s.verdict}>
          <Verdict well={well} /> {text}
        </div>
        <p title={doing}>
          <b>{initial(first)}</b>
          {rest.length ? `; ${rest.join('; ')}` : ''}
        </p>
      </div>
      <Ahead clusters={o.clusters} />
      <Matters cluster={cluster} />
      <div className={`${s.wide} ${stale ? 'stale' : ''}`}>
        <Panel title="Throughput against capacity, 15 minutes" aside={stale ? <span className="dim">as of <Ago at={o.at} /></span> : null}>
          <ThroughputChart series={o.series} markers={o.markers.map((m) => ({ ...m, text: withNames(m.text, o.nodes) }))} cluster={cluster} />
        </Panel>
        <Panel title="The flock" aside={<Link to="/nodes" search={keep(cluster)}>all nodes</Link>}>
          {o.nodes.length ? (
            <Flock nodes={o.nodes} cluster={cluster} height={288} />
          ) : !whole && running ? (
            <Skeleton height={288} />
          ) : (
            <Empty title="No nodes yet">
              <p>The first decision launches what the policy’s minimum asks for; it takes a few seconds.</p>
            </Empty>
          )}
        </Panel>
      </div>
      <div className={`${s.half} ${stale ? 'stale' : ''}`}>
        <Panel title="Busiest tenants" aside={<Link to="/transfers" search={keep(cluster)}>{plural(o.transfers.running, 'transfer')} running</Link>}>
          <Tenants list={o.top_tenants} cluster={cluster} example={o.clusters.length === 1 ? o.clusters[0]?.name : undefined} />
        </Panel>
        <Panel title="Failures of the last hour">
          <Failures list={o.recent_failures} cluster={cluster} />
        </Panel>
      </div>
    </>
  )
}

// Matters are the conditions: what lasts says what to do, what ended within the hour is grey.
function Matters({ cluster }: { cluster: string | undefined }) {
  const { data } = useQuery(recentConditionsQuery(cluster))
  if (!data?.items.length) return null
  return (
    <Panel title="Conditions" flush aside={<Link to="/conditions" search={keep(cluster)}>history</Link>}>
      <ConditionList list={data.items.slice(0, 5)} />
    </Panel>
  )
}

function Verdict({ well }: { well: boolean }) {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke={well ? 'var(--good)' : 'var(--warn)'} strokeWidth="2" strokeLinecap="round" aria-hidden="true">
      {well ? <path d="M3.500 10.500 8 15l8.500-10" strokeLinejoin="round" /> : <path d="M10 3 18 17H2zM10 8.500v4M10 14.800v.1" strokeLinejoin="round" />}
    </svg>
  )
}

function Tenants({ list, cluster, example }: { list: TenantRate[]; cluster: string | undefined; example: string | undefined }) {
  if (!list.length) {
    return (
      <Empty title="Nobody moves files right now">
        <p>
          <code>godwit cp -r FOLDER {example ?? 'CLUSTER'}:/</code> starts a transfer; it shows here at once.
        </p>
      </Empty>
    )
  }
  const most = Math.max(1, ...list.map((t) => t.rate_bps))
  return (
    <ul className={s.list}>
      {list.map((t) => (
        <li key={t.access_key}>
          <Link to="/transfers" search={{ ...keep(cluster), access_key: t.access_key }} title={t.access_key}>
            {t.name || t.access_key}
          </Link>
          <span className="num">
            {rate(t.rate_bps)} <span className="dim">· {plural(t.sessions, 'session')}</span>
          </span>
          <span className={s.share} aria-hidden="true">
            <i style={{ width: `${(100 * t.rate_bps) / most}%` }} />
          </span>
        </li>
      ))}
    </ul>
  )
}

function Failures({ list, cluster }: { list: Failure[]; cluster: string | undefined }) {
  if (!list.length) return <Empty title="Nothing failed in the last hour" />
  return (
    <ul className={s.list}>
      {list.map((f) => (
        <li key={f.kind + f.object.id}>
          <span>
            {f.kind}{' '}
            <Link to={f.kind === 'node' ? '/nodes/$id' : '/transfers/$id'} params={{ id: f.object.id }} search={keep(cluster)}>
              {f.object.name || f.object.id}
            </Link>
          </span>
          <span className="dim">
            <Ago at={f.at} />
          </span>
          <small>{f.text}</small>
        </li>
      ))}
    </ul>
  )
}

function Waiting() {
  return (
    <>
      <Skeleton height={50} radius={8} />
      <div className={s.wide}>
        <Skeleton height={372} radius={8} />
        <Skeleton height={372} radius={8} />
      </div>
      <div className={s.half}>
        <Skeleton height={150} radius={8} />
        <Skeleton height={150} radius={8} />
      </div>
    </>
  )
}
