import { createColumnHelper, tableFeatures, useTable } from '@tanstack/react-table'
import { Link } from '@tanstack/react-router'
import { memo, useMemo } from 'react'
import type { Node } from '../api/types'
import { plural } from '../format/format'
import { keep, useCluster } from '../shell/cluster'
import { Age } from '../ui/Ago'
import { useNow } from '../ui/now'
import { useRows } from '../ui/rows'
import ui from '../ui/ui.module.css'
import { Sparks, Utilisation } from './Load'
import { NodeActions } from './NodeActions'
import s from './nodes.module.css'
import { StateLabel } from './state'

interface Row {
  node: Node
  drift: string[] | undefined
}

const features = tableFeatures({})
const helper = createColumnHelper<typeof features, Row>()

// A row greys when its node has been silent for longer than three of the slowest usual report intervals.
const silentMs = 15_000

const columns = helper.columns([
  helper.display({ id: 'name', header: 'Node', cell: (c) => <Name node={c.row.original.node} /> }),
  helper.display({ id: 'state', header: 'State', cell: (c) => <StateLabel state={c.row.original.node.state} pool={c.row.original.node.pool} /> }),
  helper.display({ id: 'utilization', header: 'Utilisation, by', cell: (c) => <Utilisation node={c.row.original.node} /> }),
  helper.display({ id: 'traffic', header: 'Traffic, 15 minutes', cell: (c) => <Sparks node={c.row.original.node} /> }),
  helper.display({ id: 'sessions', header: 'Sessions', cell: (c) => <Sessions node={c.row.original.node} /> }),
  helper.display({ id: 'place', header: 'Where', cell: (c) => <Place node={c.row.original.node} /> }),
  helper.display({ id: 'version', header: 'Version', cell: (c) => <Version {...c.row.original} /> }),
  helper.display({ id: 'age', header: 'Age', cell: (c) => <Age since={c.row.original.node.requested_at} until={c.row.original.node.ended_at} /> }),
  helper.display({ id: 'actions', header: '', cell: (c) => <NodeActions node={c.row.original.node} compact /> }),
])

function Name({ node }: { node: Node }) {
  const cluster = useCluster()
  return (
    <div>
      <Link to="/nodes/$id" params={{ id: node.id }} search={keep(cluster)} className={s.name}>
        {node.name}
      </Link>
      {cluster ? null : <div className={s.small}>{node.cluster.name}</div>}
    </div>
  )
}

const Sessions = ({ node: n }: { node: Node }) => (
  <span className="num">
    {n.sessions} <span className="dim">of {n.max_sessions}</span>
  </span>
)

const Place = ({ node: n }: { node: Node }) => (
  <div>
    {n.zone || n.region || n.provider}
    <div className={s.small}>
      {n.instance_type || (n.zone || n.region ? n.provider : '')}
      {n.spot ? <span className={s.tag}>spot</span> : null}
    </div>
  </div>
)

function Version({ node: n, drift }: Row) {
  return (
    <div>
      <code>{n.version || '–'}</code>
      <div className={s.small}>
        {drift ? (
          <span className={s.drift} title={`Differs from its template in ${drift.join(', ')}`}>
            {plural(drift.length, 'field')} behind
          </span>
        ) : n.template_version ? (
          `template ${n.template_version}`
        ) : null}
      </div>
    </div>
  )
}

interface Props {
  nodes: Node[] // in the order to show
  drift: ReadonlyMap<string, string[]>
  sort: string | undefined // column, or -column for descending
  onSort: (sort: string | undefined) => void
}

const rowHeight = 57

// NodeTable shows nodes in the order given.
export function NodeTable({ nodes, drift, sort, onSort }: Props) {
  const { scroller, many, from, to, field } = useRows(nodes.length, rowHeight, 'Nodes', 290)
  const rows = useMemo(() => nodes.slice(from, to).map((node) => ({ node, drift: drift.get(node.id) })), [nodes, from, to, drift])
  const table = useTable({ features, columns, data: rows, getRowId: (r) => r.node.id })
  const flip = (id: string) => onSort(sort === id ? `-${id}` : sort === `-${id}` ? undefined : id)
  return (
    <div className={ui.scroll} ref={scroller} {...field}>
      <table className={`${ui.table} ${many ? ui.many : ui.cards}`} aria-rowcount={nodes.length + 1}>
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
          {table.getRowModel().rows.map((row, i) => (
            <Line key={row.id} node={row.original.node} index={from + i + 2} height={many ? rowHeight : undefined}>
              {row.getAllCells().map((cell) => (
                <td key={cell.id} data-label={cell.column.columnDef.header as string}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </Line>
          ))}
          {to < nodes.length ? <tr style={{ height: (nodes.length - to) * rowHeight }} aria-hidden="true" /> : null}
        </tbody>
      </table>
    </div>
  )
}

interface LineProps {
  node: Node
  index: number
  height: number | undefined
  children: React.ReactNode
}

// Line greys the row of a silent node. It alone looks at the clock, so that a tick does not draw the table anew.
const Line = memo(function Line({ node: n, index, height, children }: LineProps) {
  const now = useNow()
  const silent = n.state === 'running' && n.reported_at !== undefined && now - Date.parse(n.reported_at) > silentMs
  return (
    <tr aria-rowindex={index} className={silent || n.state === 'terminated' ? s.silent : undefined} style={height ? { height } : undefined} title={silent ? 'No report for a while: these figures are old' : undefined}>
      {children}
    </tr>
  )
})
