import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { liveTransfersQuery, nodeEventsQuery, nodeQuery, rereadMs } from '../api/queries'
import { useReread } from '../api/reread'
import { isRefusal } from '../api/refusal'
import type { Node, NodeEvent, NodeState } from '../api/types'
import { percent, rate } from '../format/format'
import { nodeRoute } from '../router'
import { NotFound } from '../shell/Lost'
import { keep, useCluster } from '../shell/cluster'
import { Ago, Age } from '../ui/Ago'
import { Id, Same } from '../ui/Copy'
import { Empty, Facts, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { TransferTable } from '../transfers/TransferTable'
import { Console } from './Console'
import { Sparks, signalName } from './Load'
import { useDrift } from './drift'
import { NodeActions } from './NodeActions'
import { NodeSessions } from './NodeSessions'
import s from './nodes.module.css'
import { Services } from './Services'
import { Glyph, StateLabel, shapes } from './state'

export function NodePage() {
  const { id } = nodeRoute.useParams()
  const cluster = useCluster()
  const { data: n, error, refetch } = useQuery(nodeQuery(id))
  useReread(refetch, rereadMs.node)
  if (isRefusal(error, 404)) return <NotFound />
  if (!n) {
    return (
      <Page title="Node" name="Node">
        <Trouble error={error} what="The node cannot be read" />
        {error ? null : <Skeleton height={300} />}
      </Page>
    )
  }
  return (
    <Page
      title={n.name}
      name={n.name}
      lead={
        <>
          <StateLabel state={n.state} pool={n.pool} /> <span className="dim">for</span> <Age since={n.state_since} /> · in{' '}
          <Link to="/clusters/$name" params={{ name: n.cluster.name }} search={keep(cluster)}>
            {n.cluster.name}
          </Link>
        </>
      }
      actions={<NodeActions node={n} />}
    >
      <Trouble error={error} what="What is shown may be old" />
      {n.failure_reason ? <Trouble error={new Error(n.failure_reason)} what="It failed" /> : null}
      {n.state === 'draining' ? (
        <p>
          Draining{n.drain_reason ? `: ${n.drain_reason}` : ''}.{' '}
          {n.drain_deadline ? (
            <>
              Sessions that cannot move end <Ago at={n.drain_deadline} />.
            </>
          ) : null}
        </p>
      ) : null}
      <div className={s.two}>
        <Panel title="Load">
          <Signals node={n} />
        </Panel>
        <Panel title="Where it is">
          <Where node={n} />
        </Panel>
        <Services node={n} />
        <Panel title="Its life">
          <Life id={n.id} />
        </Panel>
      </div>
      <NodeSessions node={n} />
      <Transfers node={n} />
      <Console node={n} />
      <Same command={`godwit node get ${n.name}`} />
    </Page>
  )
}

const signals = ['send', 'receive', 'cpu', 'buffer', 'sessions'] as const

function Signals({ node: n }: { node: Node }) {
  const u = n.utilization
  if (!u) return <Empty title="It has not reported yet" />
  return (
    <div className={s.signals}>
      {signals.map((k) => (
        <div key={k} data-decides={k === u.signal ? 'yes' : 'no'} title={k === u.signal ? 'This signal decides' : undefined}>
          <span>
            {signalName(k)}
            {k === u.signal ? ' ◂' : ''}
          </span>
          <span className={s.track}>
            <i style={{ width: `${Math.min(1, u[k]) * 100}%`, background: k === u.signal ? `var(--pool-${n.pool ?? 'none'})` : 'var(--ink-3)' }} />
          </span>
          <span className="num">{percent(u[k])}</span>
        </div>
      ))}
      <section aria-label="Traffic of the last 15 minutes">
        <Sparks node={n} />
      </section>
      <span className="dim">
        {n.receive_cap_bps || n.send_cap_bps ? `Caps: in ${cap(n.receive_cap_bps)}, out ${cap(n.send_cap_bps)}.` : 'No caps.'} {n.reported_at ? <>Reported <Ago at={n.reported_at} />.</> : null}
      </span>
    </div>
  )
}

// cap is a rate limit in words; 0 is none.
const cap = (bps: number) => (bps ? rate(bps) : 'none')

function Where({ node: n }: { node: Node }) {
  return (
    <Facts
      rows={[
        ['Address', n.address ? <Id value={`${n.address}:${n.port ?? ''}`} what="address" /> : null],
        ['Pin', n.cert_sha256 ? <Id value={n.cert_sha256} what="pin" /> : null],
        ['Provider', [n.provider, n.offering !== n.provider && n.offering, n.region, n.zone, n.instance_type, n.spot && 'spot'].filter(Boolean).join(' · ')],
        ['Instance', n.instance_id ? <Id value={n.instance_id} what="instance id" /> : null],
        ['Node id', <Id key="id" value={n.id} />],
        ['Version', n.version],
        ['Template', n.template_version ? <FromTemplate key="t" node={n} /> : null],
        ['Configuration', n.config_version ? <Link key="c" to="/clusters/$name/configuration" params={{ name: n.cluster.name }}>version {n.config_version}</Link> : null],
        ['Requested', <Ago key="r" at={n.requested_at} />],
        ['Running since', n.running_at ? <Ago at={n.running_at} /> : null],
        ['Ended', n.ended_at ? <Ago at={n.ended_at} /> : null],
      ]}
    />
  )
}

// FromTemplate is the version that a node was launched from, and in what it differs from the one in force.
function FromTemplate({ node: n }: { node: Node }) {
  const drift = useDrift(n.cluster.name).get(n.id)
  return (
    <span>
      version {n.template_version}{' '}
      {drift ? (
        <span className={s.drift}>
          behind in <code>{drift.join(', ')}</code>
        </span>
      ) : null}
    </span>
  )
}

function Life({ id }: { id: string }) {
  const { data, error } = useQuery(nodeEventsQuery(id))
  if (!data) return error ? <Trouble error={error} what="Its life cannot be read" /> : <Skeleton height={120} />
  const events = [...data.items].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : a.id < b.id ? 1 : -1))
  if (!events.length) return <Empty title="Nothing is recorded yet" />
  return (
    <ol className={s.life}>
      {events.map((e) => (
        <li key={e.id}>
          <Step event={e} />
        </li>
      ))}
    </ol>
  )
}

function Step({ event: e }: { event: NodeEvent }) {
  const state = e.to && e.to in shapes ? (e.to as NodeState) : undefined
  return (
    <>
      <Glyph state={state ?? 'terminating'} pool={state === 'running' ? 'low' : undefined} size={16} />
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <strong>{e.to || 'note'}</strong>
        <Ago at={e.at} />
      </div>
      {e.text || e.actor ? (
        <p>
          {e.text}
          {e.actor ? <span className="dim"> · by {e.actor}</span> : null}
        </p>
      ) : null}
    </>
  )
}

function Transfers({ node: n }: { node: Node }) {
  const { data, refetch } = useQuery(liveTransfersQuery({ node: n.id }))
  useReread(refetch, rereadMs.live)
  return (
    <Panel title="Transfers through it" flush>
      {data?.items.length ? <TransferTable transfers={data.items} live /> : <Empty title="No transfer runs through this node" />}
    </Panel>
  )
}
