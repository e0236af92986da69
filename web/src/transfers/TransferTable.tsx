import { createColumnHelper, tableFeatures, useTable } from '@tanstack/react-table'
import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { Ref, Transfer } from '../api/types'
import { millis, rate } from '../format/format'
import { Tenant } from '../keys/Tenant'
import { keep, useCluster } from '../shell/cluster'
import { Ago } from '../ui/Ago'
import { useRows } from '../ui/rows'
import ui from '../ui/ui.module.css'
import { average, loss, progress } from './progress'
import s from './transfers.module.css'

const features = tableFeatures({})
const helper = createColumnHelper<typeof features, Transfer>()

const name = helper.accessor('id', { id: 'name', header: 'Transfer', cell: (c) => <Name transfer={c.row.original} /> })
const tenant = helper.accessor('access_key', { header: 'Tenant', cell: (c) => <Tenant id={c.row.original.access_key} /> })
const nodes = helper.accessor('nodes', { header: 'Node', cell: (c) => <Nodes list={c.row.original.nodes} /> })

const liveColumns = helper.columns([
  name,
  helper.display({ id: 'progress', header: 'Progress', cell: (c) => <Bar transfer={c.row.original} /> }),
  helper.accessor('rate_bps', { header: 'Rate', cell: (c) => <span className="num">{rate(c.row.original.rate_bps)}</span> }),
  helper.accessor('rtt_ms', { header: 'RTT', cell: (c) => <span className="num">{c.row.original.rtt_ms ? millis(c.row.original.rtt_ms) : '–'}</span> }),
  helper.accessor('loss', { header: 'Loss', cell: (c) => <span className="num">{loss(c.row.original.loss ?? 0)}</span> }),
  nodes,
  tenant,
])

const pastColumns = helper.columns([
  name,
  helper.accessor('state', { header: 'State', cell: (c) => <State transfer={c.row.original} /> }),
  helper.display({ id: 'moved', header: 'Moved', cell: (c) => <span className="num">{progress(c.row.original).text}</span> }),
  helper.display({ id: 'average', header: 'Average', cell: (c) => <span className="num">{average(c.row.original) ? rate(average(c.row.original)) : '–'}</span> }),
  nodes,
  tenant,
  helper.accessor('created_at', { header: 'Started', cell: (c) => <Ago at={c.row.original.created_at} /> }),
])

const rowHeight = 57

export function TransferTable({ transfers, live }: { transfers: Transfer[]; live?: boolean }) {
  const { scroller, many, from, to, field } = useRows(live ? transfers.length : 0, rowHeight, 'Running transfers', 330)
  const data = useMemo(() => (many ? transfers.slice(from, to) : transfers), [many, transfers, from, to])
  const table = useTable({ features, columns: live ? liveColumns : pastColumns, data, getRowId: (t) => t.id })
  return (
    <div className={ui.scroll} ref={scroller} {...field}>
      <table className={`${ui.table} ${many ? ui.many : ui.cards}`} aria-rowcount={many ? transfers.length + 1 : undefined}>
        <thead>
          {table.getHeaderGroups().map((g) => (
            <tr key={g.id}>
              {g.headers.map((h) => (
                <th key={h.id}>
                  <table.FlexRender header={h} />
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          {many && from > 0 ? <tr style={{ height: from * rowHeight }} aria-hidden="true" /> : null}
          {table.getRowModel().rows.map((row, i) => (
            <tr key={row.id} aria-rowindex={many ? from + i + 2 : undefined} style={many ? { height: rowHeight } : undefined}>
              {row.getAllCells().map((cell) => (
                <td key={cell.id} data-label={cell.column.columnDef.header as string}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
          {many && to < transfers.length ? <tr style={{ height: (transfers.length - to) * rowHeight }} aria-hidden="true" /> : null}
        </tbody>
      </table>
    </div>
  )
}

export const arrow = (t: Pick<Transfer, 'direction'>) => (t.direction === 'push' ? '↑' : '↓')
export const way = (t: Pick<Transfer, 'direction'>) => (t.direction === 'push' ? 'push: to the cluster' : 'pull: from the cluster')

function Name({ transfer: t }: { transfer: Transfer }) {
  const cluster = useCluster()
  return (
    <div>
      <span className={s.dir} title={way(t)} role="img" aria-label={way(t)}>
        {arrow(t)}
      </span>{' '}
      <Link to="/transfers/$id" params={{ id: t.id }} search={keep(cluster)} className={s.name} title={t.id}>
        {t.name || t.paths[0] || t.id}
      </Link>
      {t.error ? <div className={s.err}>{t.error}</div> : null}
    </div>
  )
}

export function Bar({ transfer: t }: { transfer: Transfer }) {
  const p = progress(t)
  return (
    <div className={s.progress}>
      <div
        className={s.bar}
        data-unknown={p.share === undefined ? 'yes' : 'no'}
        role="progressbar"
        aria-label={`Progress of ${t.name || t.id}`}
        aria-valuenow={p.share === undefined ? undefined : Math.round(p.share * 100)}
      >
        <i style={p.share === undefined ? undefined : { width: `${p.share * 100}%` }} />
      </div>
      <span>{p.text}</span>
    </div>
  )
}

const signs: Record<string, string> = { done: '✓', failed: '✕', cancelled: '–', expired: '–', running: '●', created: '○' }

export function State({ transfer: t }: { transfer: Transfer }) {
  return (
    <span className={s.state} data-state={t.state}>
      <span aria-hidden="true">{signs[t.state]}</span>
      {t.state}
      {t.moved ? <span className="dim" title="It went on on another node">moved × {t.moved}</span> : null}
    </span>
  )
}

function Nodes({ list }: { list: Ref[] }) {
  const cluster = useCluster()
  if (!list.length) return <span className="dim">–</span>
  return (
    <>
      {list.map((n, i) => (
        <span key={n.id}>
          {i ? ', ' : ''}
          <Link to="/nodes/$id" params={{ id: n.id }} search={keep(cluster)}>
            {n.name}
          </Link>
        </span>
      ))}
    </>
  )
}
