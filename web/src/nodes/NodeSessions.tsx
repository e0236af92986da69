import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { Node } from '../api/types'
import { millis, percent, plural, rate, size } from '../format/format'
import { Tenant } from '../keys/Tenant'
import { Age } from '../ui/Ago'
import { Empty, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { nodeSessionsQuery } from './queries'

// NodeSessions are the sessions that a node serves now, with what each wants and gets.
export function NodeSessions({ node: n }: { node: Node }) {
  const { data, error } = useQuery(nodeSessionsQuery(n.id))
  const items = data?.items ?? []
  return (
    <Panel title={`Sessions: ${n.sessions}${n.max_sessions ? ` of at most ${n.max_sessions}` : ''}`} flush>
      <Trouble error={error} what="The sessions cannot be read" healed={!!data} />
      {items.length ? (
        <div className={ui.scroll}>
          <table className={`${ui.table} ${ui.cards}`}>
            <thead>
              <tr>
                <th>Transfer</th>
                <th>Rate, of what it could use</th>
                <th>Moved</th>
                <th>RTT, loss</th>
                <th>Client</th>
                <th>Tenant</th>
                <th>For</th>
              </tr>
            </thead>
            <tbody>
              {items.map((x) => (
                <tr key={x.id}>
                  <td data-label="Transfer">
                    <span>
                      {x.direction === 'push' ? '↑' : '↓'}{' '}
                      {x.transfer ? (
                        <Link to="/transfers/$id" params={{ id: x.transfer }}>
                          {x.paths[0] ?? x.transfer}
                        </Link>
                      ) : (
                        (x.paths[0] ?? x.id)
                      )}
                      {x.state === 'moving' ? <span className="dim"> moves elsewhere</span> : null}
                    </span>
                  </td>
                  <td data-label="Rate" className="num">
                    <span>
                      {rate(x.rate_bps)} {x.wanted_bps ? <span className="dim">of {rate(x.wanted_bps)}</span> : null} {x.capped ? <span title="Held back by the node’s cap" style={{ color: 'var(--warn)' }}>capped</span> : null}
                    </span>
                  </td>
                  <td data-label="Moved" className="num">
                    {size(x.bytes)}
                    {x.bytes_total ? <span className="dim"> of {size(x.bytes_total)}</span> : null}
                  </td>
                  <td data-label="RTT, loss" className="num">
                    {x.rtt_ms ? millis(x.rtt_ms) : '–'} · {percent(x.loss)}
                  </td>
                  <td data-label="Client">
                    <span>
                      <code>{x.peer}</code> <span className="dim">{x.cipher}</span>
                    </span>
                  </td>
                  <td data-label="Tenant">{x.access_key ? <Tenant id={x.access_key} /> : '–'}</td>
                  <td data-label="For">
                    <Age since={x.started_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : data ? (
        <Empty title="It serves nobody now" />
      ) : error ? null : (
        <Skeleton height={60} m={14} w="auto" />
      )}
      {data?.next_cursor ? <p className="dim" style={{ padding: '8px 14px' }}>and {plural(Math.max(0, n.sessions - items.length), 'more session')}: godwit node sessions {n.name}</p> : null}
    </Panel>
  )
}
