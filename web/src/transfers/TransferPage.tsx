import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { transferQuery } from '../api/queries'
import { isRefusal } from '../api/refusal'
import type { Transfer, TransferSession } from '../api/types'
import { count, millis, plural, rate, size, span } from '../format/format'
import { transferRoute } from '../router'
import { NotFound } from '../shell/Lost'
import { Tenant } from '../keys/Tenant'
import { keep, useCluster } from '../shell/cluster'
import { Ago, Age } from '../ui/Ago'
import { Id, Same } from '../ui/Copy'
import { Empty, Facts, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { average, ended, loss } from './progress'
import { TransferActions } from './TransferActions'
import { Bar, State, way } from './TransferTable'
import s from './transfers.module.css'

export function TransferPage() {
  const { id } = transferRoute.useParams()
  const cluster = useCluster()
  const { data: t, error } = useQuery(transferQuery(id))
  if (isRefusal(error, 404)) return <NotFound />
  if (!t) {
    return (
      <Page title="Transfer" name="Transfer">
        <Trouble error={error} what="The transfer cannot be read" />
        {error ? null : <Skeleton height={260} />}
      </Page>
    )
  }
  const title = t.name || t.paths[0] || t.id
  return (
    <Page
      title={title}
      name={title}
      lead={
        <>
          <State transfer={t} /> · {way(t)} <Link to="/" search={keep(cluster)}>{t.cluster.name}</Link>
        </>
      }
      actions={<TransferActions transfer={t} />}
    >
      <Trouble error={error} what="What is shown may be old" />
      {t.error ? <Trouble error={new Error(t.error)} what={t.state === 'failed' ? 'It failed' : 'It reports'} /> : null}
      <Panel label="Progress">
        <div style={{ display: 'grid', gap: 14 }}>
          <Bar transfer={t} />
          <Figures transfer={t} />
        </div>
      </Panel>
      <div className={s.two}>
        <Panel title="What and whose">
          <Facts
            rows={[
              ['Tenant', <Tenant key="k" id={t.access_key} />],
              ['Client', t.client ? <Id value={t.client} what="address" /> : null],
              ['Rate policy', t.policy],
              ['Target rate', t.target_bps ? rate(t.target_bps) : 'as fast as the path allows'],
              ['Transfer id', <Id key="i" value={t.id} />],
              ['Asked for', <Ago key="c" at={t.created_at} />],
              [ended(t.state) ? 'Took' : 'Runs for', t.started_at ? <Age since={t.started_at} until={t.ended_at} /> : null],
            ]}
          />
        </Panel>
        <Panel title="Paths">
          {t.paths.length ? (
            <ul className={s.paths}>
              {t.paths.slice(0, 200).map((p) => (
                <li key={p}>
                  <code>{p}</code>
                </li>
              ))}
            </ul>
          ) : (
            <Empty title="All that the key may reach" />
          )}
          {t.paths.length > 200 ? <p className="dim">and {count(t.paths.length - 200)} more</p> : null}
        </Panel>
      </div>
      <Panel title={`Sessions${t.moved ? `: it moved to another node ${plural(t.moved, 'time')}` : ''}`} flush>
        <Sessions list={t.sessions ?? []} />
      </Panel>
      <Same command={`godwit transfer get ${t.id}`} />
    </Page>
  )
}

function Figures({ transfer: t }: { transfer: Transfer }) {
  const over = ended(t.state)
  const items: [string, ReactNode][] = over
    ? [
        ['data', size(t.bytes)],
        ['average', average(t) ? rate(average(t)) : '–'],
        [t.files === 1 ? 'file' : 'files', count(t.files)],
      ]
    : [
        ['rate', rate(t.rate_bps)],
        ['left', t.eta_s === undefined ? '–' : span(t.eta_s)],
        ['RTT', t.rtt_ms ? millis(t.rtt_ms) : '–'],
        ['loss', loss(t.loss ?? 0)],
        [t.files === 1 ? 'file' : 'files', count(t.files)],
      ]
  if (t.files_failed) items.push(['files failed', count(t.files_failed)])
  return (
    <div className={s.big}>
      {items.map(([k, v]) => (
        <div key={k}>
          <b>{v}</b>
          <span className="dim">{k}</span>
        </div>
      ))}
    </div>
  )
}

function Sessions({ list }: { list: TransferSession[] }) {
  const cluster = useCluster()
  if (!list.length) return <Empty title="No client has connected yet" />
  return (
    <div className={ui.scroll}>
      <table className={ui.table}>
        <thead>
          <tr>
            <th>Node</th><th>State</th><th>Moved</th><th>Files</th><th>Rate</th><th>RTT</th><th>Loss</th><th>Started</th><th>Took</th>
          </tr>
        </thead>
        <tbody>
          {list.map((x) => (
            <tr key={x.id}>
              <td>
                <Link to="/nodes/$id" params={{ id: x.node.id }} search={keep(cluster)} title={`session ${x.id}`}>
                  {x.node.name}
                </Link>
              </td>
              <td>
                {x.state}
                {x.end_reason ? <span className="dim"> · {x.end_reason}</span> : null}
              </td>
              <td className="num">{size(x.bytes)}</td>
              <td className="num">{count(x.files)}</td>
              <td className="num">{x.state === 'running' ? rate(x.rate_bps) : '–'}</td>
              <td className="num">{x.rtt_ms ? millis(x.rtt_ms) : '–'}</td>
              <td className="num">{x.state === 'running' ? loss(x.loss ?? 0) : '–'}</td>
              <td>{x.started_at ? <Ago at={x.started_at} /> : '–'}</td>
              <td>{x.started_at ? <Age since={x.started_at} until={x.ended_at} /> : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
