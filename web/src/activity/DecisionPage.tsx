import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { decisionQuery } from '../api/queries'
import { isRefusal } from '../api/refusal'
import type { Action, DecisionDetail, Reason } from '../api/types'
import { absolute, count, initial, percent, plural } from '../format/format'
import { useNames } from '../nodes/names'
import { Glyph, shapes } from '../nodes/state'
import type { NodeState } from '../api/types'
import { decisionRoute } from '../router'
import { NotFound } from '../shell/Lost'
import { keep, useCluster } from '../shell/cluster'
import { Ago } from '../ui/Ago'
import { Id, Same } from '../ui/Copy'
import { Empty, Facts, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import s from './activity.module.css'
import { quiet, verb } from './fold'
import { Replay } from './Replay'
import { capacityText, results, snapshotFacts } from './snapshot'

export function DecisionPage() {
  const { id } = decisionRoute.useParams()
  const cluster = useCluster()
  const { data: d, error } = useQuery(decisionQuery(id))
  const name = useNames()
  if (isRefusal(error, 404)) return <NotFound />
  if (!d) {
    return (
      <Page title="Decision" name="Decision">
        <Trouble error={error} what="The decision cannot be read" />
        {error ? null : <Skeleton height={260} />}
      </Page>
    )
  }
  const facts = snapshotFacts(d.snapshot)
  const outcome = results(d.result)
  return (
    <Page
      title={`${d.cluster.name}: ${verb(d)}`}
      name="Decision"
      lead={
        <>
          Decided <Ago at={d.at} />
          {d.count > 1 ? (
            <>
              {' '}
              and the same {count(d.count)} times until <Ago at={d.until} />
            </>
          ) : null}{' '}
          by version {d.policy_version} of the policy · <Link to="/activity" search={keep(cluster)}>all decisions</Link>
        </>
      }
    >
      <div className={s.two}>
        <Panel title="Why">
          <Reasons list={d.reasons} cluster={cluster} />
        </Panel>
        <Panel title="Plan">
          <Plan decision={d} />
        </Panel>
        <Panel title={`What it was decided on: ${plural(facts.nodes.length, 'node')}`} flush>
          <Nodes decision={d} cluster={cluster} />
        </Panel>
        {outcome.length ? (
          <Panel title="What came of it">
            <ul className={s.reasons}>
              {outcome.map((o, i) => (
                <li key={i}>
                  <strong>{initial(name(o.did))}</strong>
                  {o.note ? <span className={o.bad ? s.result : undefined}>{o.note}</span> : null}
                </li>
              ))}
            </ul>
          </Panel>
        ) : null}
        <Panel title="Facts">
          <Facts
            rows={[
              ['Decision', <Id key="d" value={d.id} />],
              ['When', <span key="w">{absolute(d.at)}</span>],
              ['The cluster then', capacityText(d.plan.capacity)],
              ['Launches lately', facts.launches ? plural(facts.launches, 'launch', 'launches') : null],
              ['Clients waiting', facts.waiting || null],
              ['Notes', facts.notes.length ? facts.notes.join(' ') : null],
            ]}
          />
          <Raw title="The snapshot as it is replayed" value={d.snapshot} />
        </Panel>
      </div>
      <Replay decision={d} />
      <Same command={`godwit decision get ${d.id}`} />
    </Page>
  )
}

function Reasons({ list, cluster }: { list: Reason[]; cluster: string | undefined }) {
  const name = useNames()
  if (!list.length) return <Empty title="No reason is recorded" />
  return (
    <ul className={s.reasons} data-testid="reasons">
      {list.map((r, i) => (
        <li key={i}>
          <span>{initial(name(r.text))}</span>
          <small>
            <Link to="/activity" search={{ ...keep(cluster), code: r.code }} title="All decisions with this reason">
              {r.code}
            </Link>
            {Object.entries(r.values ?? {}).map(([k, v]) => ` · ${k} ${Number(v.toPrecision(4))}`)}
          </small>
        </li>
      ))}
    </ul>
  )
}

const deed = (a: Action, name: (id: string) => string): string => (a.node_id ? `${a.kind} ${name(a.node_id)}` : `${a.kind} ${a.count || 1}`)

function Plan({ decision: d }: { decision: DecisionDetail }) {
  const name = useNames()
  if (quiet(d)) return <Empty title="Nothing was to be done" />
  return (
    <ul className={s.reasons}>
      {d.plan.actions.map((a, i) => (
        <li key={i}>
          <strong>{initial(deed(a, name))}</strong>
          <span>{name(a.reason.text)}</span>
          {a.deadline ? <small>deadline {absolute(a.deadline)}</small> : null}
        </li>
      ))}
      {(d.plan.withheld ?? []).map((a, i) => (
        <li key={`w${i}`}>
          <strong>Held back by the pause: {deed(a, name)}</strong>
          <span>{name(a.reason.text)}</span>
        </li>
      ))}
    </ul>
  )
}

function Nodes({ decision: d, cluster }: { decision: DecisionDetail; cluster: string | undefined }) {
  const nodes = snapshotFacts(d.snapshot).nodes
  const name = useNames()
  const pools = new Map(d.plan.pools.map((p) => [p.node_id, p]))
  if (!nodes.length) return <Empty title="There was no node" />
  return (
    <div className={ui.scroll} style={{ maxHeight: 420, overflowY: 'auto' }}>
      <table className={ui.table}>
        <thead>
          <tr>
            <th>Node</th><th>State</th><th>Pool</th><th>Utilisation, by</th><th>Sessions</th>
          </tr>
        </thead>
        <tbody>
          {nodes.slice(0, 500).map((n) => {
            const p = pools.get(n.id)
            return (
              <tr key={n.id}>
                <td>
                  <Link to="/nodes/$id" params={{ id: n.id }} search={keep(cluster)}>
                    {name(n.id)}
                  </Link>
                </td>
                <td>
                  <span className={ui.pool}>
                    {n.state in shapes ? <Glyph state={n.state as NodeState} pool={p?.pool} /> : null} {n.state}
                  </span>
                </td>
                <td>
                  {p?.pool ?? '–'}
                  {p?.was ? <span className="dim"> was {p.was}</span> : null}
                </td>
                <td className="num">{p ? `${percent(p.utilization)} ${p.signal ?? ''}` : '–'}</td>
                <td className="num">{n.sessions}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function Raw({ title, value }: { title: string; value: unknown }) {
  return (
    <details style={{ marginTop: 12 }}>
      <summary>{title}</summary>
      <pre className={s.raw} tabIndex={0}>
        {JSON.stringify(value, null, 2)}
      </pre>
    </details>
  )
}
