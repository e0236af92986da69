import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { createColumnHelper, createSortedRowModel, rowSortingFeature, sortFns, tableFeatures, useTable } from '@tanstack/react-table'
import { Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useMemo, useRef } from 'react'
import { nodesQuery, rereadMs } from '../api/queries'
import { useReread } from '../api/reread'
import type { Node } from '../api/types'
import { plural } from '../format/format'
import { nodesRoute } from '../router'
import { keep, useCluster } from '../shell/cluster'
import { toggled } from '../shell/search'
import { Age } from '../ui/Ago'
import { Chips } from '../ui/Chips'
import { Same } from '../ui/Copy'
import { useNow } from '../ui/now'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { chosen } from './filter'
import { Sparks, Utilisation } from './Load'
import { NodeActions } from './NodeActions'
import s from './nodes.module.css'
import { StateLabel } from './state'

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel(), sortFns })
const helper = createColumnHelper<typeof features, Node>()
const none: Node[] = []

// A row greys when its node has been silent for longer than three of the slowest usual report intervals.
const silentMs = 15_000

const columns = helper.columns([
  helper.accessor('name', { header: 'Node', cell: (c) => <Name node={c.row.original} /> }),
  helper.accessor((n) => `${n.state} ${n.pool ?? ''}`, { id: 'state', header: 'State', cell: (c) => <StateLabel state={c.row.original.state} pool={c.row.original.pool} /> }),
  helper.accessor((n) => n.utilization?.value ?? -1, { id: 'utilization', header: 'Utilisation, by', cell: (c) => <Utilisation node={c.row.original} /> }),
  helper.accessor((n) => n.receive_bps + n.send_bps, { id: 'traffic', header: 'Traffic, 15 minutes', cell: (c) => <Sparks node={c.row.original} /> }),
  helper.accessor('sessions', { header: 'Sessions', cell: (c) => <span className="num">{c.row.original.sessions} <span className="dim">of {c.row.original.max_sessions}</span></span> }),
  helper.accessor((n) => n.version ?? '', { id: 'version', header: 'Version', cell: (c) => <code>{c.row.original.version || '–'}</code> }),
  helper.accessor((n) => -Date.parse(n.requested_at), { id: 'age', header: 'Age', cell: (c) => <Age since={c.row.original.requested_at} until={c.row.original.ended_at} /> }),
  helper.display({ id: 'actions', header: '', cell: (c) => <NodeActions node={c.row.original} compact /> }),
])

function Name({ node }: { node: Node }) {
  const cluster = useCluster()
  return (
    <div>
      <Link to="/nodes/$id" params={{ id: node.id }} search={keep(cluster)} className={s.name}>
        {node.name}
      </Link>
      <div className="dim" style={{ fontSize: 12 }}>
        {node.zone || node.provider}
      </div>
    </div>
  )
}

const states = ['running', 'booting', 'draining', 'lost', 'failed'].map((v) => [v, v] as const)
const pools = ['idle', 'low', 'high', 'degraded'].map((v) => [v, v] as const)

export function NodesPage() {
  const cluster = useCluster()
  const search = nodesRoute.useSearch()
  const navigate = nodesRoute.useNavigate()
  const { data = none, error, isPending, refetch } = useQuery(nodesQuery({ cluster, q: search.q, ended: search.ended === 'yes', history: true }))
  useReread(refetch, rereadMs.nodes)
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })
  const shown = useMemo(() => chosen(data, search.state, search.pool), [data, search.state, search.pool])
  const running = data.filter((n) => n.state === 'running').length
  return (
    <Page title="Nodes" name="Nodes" lead={isPending ? undefined : `${plural(running, 'node')} running of ${data.length}.`}>
      <div className="row">
        <Chips label="State" options={states} chosen={search.state} onToggle={(v) => set({ state: toggled(search.state, v) })} />
        <span className="dim">·</span>
        <Chips label="Pool" options={pools} chosen={search.pool} onToggle={(v) => set({ pool: toggled(search.pool, v) })} />
        <span className="dim">·</span>
        <Chips label="More" options={[['yes', 'with ended']]} chosen={search.ended} onToggle={() => set({ ended: search.ended ? undefined : 'yes' })} />
      </div>
      <Trouble error={error} what="The nodes cannot be read" healed={data.length > 0} />
      <Panel flush label="Nodes">
        {isPending ? (
          <div style={{ padding: 14, display: 'grid', gap: 10 }}>
            {[0, 1, 2].map((i) => (
              <Skeleton key={i} height={40} />
            ))}
          </div>
        ) : shown.length ? (
          <Table nodes={shown} sort={search.sort} onSort={(sort) => set({ sort })} />
        ) : data.length ? (
          <Empty title="No node is like that">
            <p>Take a filter off to see the {plural(data.length, 'other node')}.</p>
          </Empty>
        ) : (
          <Empty title="No nodes">
            <p>A cluster launches its nodes by itself, as its policy asks. Fix a number by hand with:</p>
            <code>godwit cluster scale {cluster ?? 'CLUSTER'} 2</code>
          </Empty>
        )}
      </Panel>
      <Same command={`godwit node list${cluster ? ` --cluster ${cluster}` : ''}`} />
    </Page>
  )
}

interface TableProps {
  nodes: Node[]
  sort: string | undefined // column, or -column for descending
  onSort: (sort: string | undefined) => void
}

const rowHeight = 55
const virtualFrom = 100

// Table keeps the order of its rows while one looks; above virtualFrom rows only those in sight are in the page.
function Table({ nodes, sort, onSort }: TableProps) {
  const now = useNow()
  const sorting = useMemo(() => (sort ? [{ id: sort.replace(/^-/, ''), desc: sort.startsWith('-') }] : []), [sort])
  const table = useTable({ features, columns, data: nodes, getRowId: (n) => n.id, state: { sorting } })
  const rows = table.getRowModel().rows
  const scroller = useRef<HTMLDivElement>(null)
  const many = rows.length > virtualFrom
  const virtual = useVirtualizer({ count: many ? rows.length : 0, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 12 })
  const items = virtual.getVirtualItems()
  const from = many ? (items[0]?.index ?? 0) : 0
  const to = many ? (items.at(-1)?.index ?? -1) + 1 : rows.length
  const flip = (id: string) => onSort(sort === id ? `-${id}` : sort === `-${id}` ? undefined : id)
  return (
    <div className={ui.scroll} ref={scroller} style={many ? { maxHeight: '70vh', overflowY: 'auto' } : undefined}>
      <table className={`${ui.table} ${many ? '' : ui.cards}`} aria-rowcount={rows.length}>
        <thead>
          {table.getHeaderGroups().map((g) => (
            <tr key={g.id}>
              {g.headers.map((h) => {
                const dir = sort === h.id ? 'ascending' : sort === `-${h.id}` ? 'descending' : 'none'
                return (
                  <th key={h.id} aria-sort={h.id === 'actions' ? undefined : dir}>
                    {h.id === 'actions' ? (
                      <span className="hidden">Actions</span>
                    ) : (
                      <button type="button" onClick={() => flip(h.id)}>
                        <table.FlexRender header={h} /> {dir === 'ascending' ? '↑' : dir === 'descending' ? '↓' : ''}
                      </button>
                    )}
                  </th>
                )
              })}
            </tr>
          ))}
        </thead>
        <tbody>
          {from > 0 ? <tr style={{ height: from * rowHeight }} aria-hidden="true" /> : null}
          {rows.slice(from, to).map((row) => {
            const n = row.original
            const silent = n.state === 'running' && n.reported_at !== undefined && now - Date.parse(n.reported_at) > silentMs
            return (
              <tr key={row.id} className={silent || n.state === 'terminated' ? s.silent : undefined} title={silent ? 'No report for a while: these figures are old' : undefined}>
                {row.getAllCells().map((cell) => (
                  <td key={cell.id} data-label={cell.column.columnDef.header as string}>
                    <table.FlexRender cell={cell} />
                  </td>
                ))}
              </tr>
            )
          })}
          {to < rows.length ? <tr style={{ height: (rows.length - to) * rowHeight }} aria-hidden="true" /> : null}
        </tbody>
      </table>
    </div>
  )
}
