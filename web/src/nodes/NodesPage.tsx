import { Button, Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { clustersQuery, nodesQuery, rereadMs } from '../api/queries'
import { useReread } from '../api/reread'
import type { Node } from '../api/types'
import { count, plural } from '../format/format'
import { nodesRoute } from '../router'
import { useCluster } from '../shell/cluster'
import { toggled } from '../shell/search'
import { Aged } from '../ui/Aged'
import { Chips, Filter } from '../ui/Chips'
import { Command, Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { useDrift } from './drift'
import { chosen, values } from './filter'
import { NodeTable } from './NodeTable'
import { useOrder } from './order'

const none: Node[] = []
const states = ['running', 'booting', 'draining', 'stopped', 'lost', 'failed'].map((v) => [v, v] as const)
const pools = ['idle', 'low', 'high', 'degraded'].map((v) => [v, v] as const)

// Above this many nodes their histories weigh more than all the rest: the table then shows what is, not what was.
const historyTo = 1000

export function NodesPage() {
  const cluster = useCluster()
  const search = nodesRoute.useSearch()
  const navigate = nodesRoute.useNavigate()
  const { data: clusters } = useQuery(clustersQuery)
  const total = (clusters?.items ?? []).filter((c) => !cluster || c.name === cluster || c.id === cluster).reduce((a, c) => a + c.nodes.total, 0)
  const { data = none, dataUpdatedAt, error, isPending, refetch } = useQuery({ ...nodesQuery({ cluster, q: search.q, ended: search.ended === 'yes', history: total <= historyTo }), enabled: clusters !== undefined })
  useReread(refetch, rereadMs.nodes)
  const drift = useDrift(cluster)
  const [asked, setAsked] = useState(0)
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })
  const shown = useMemo(() => {
    const some = chosen(data, search)
    return search.drift ? some.filter((n) => drift.has(n.id)) : some
  }, [data, search, drift])
  const { rows, moved } = useOrder(shown, search.sort, [cluster, search.sort, search.state, search.pool, search.zone, search.version, search.drift, search.q, search.ended, asked].join(' '))
  const zones = useMemo(() => values(data, (n) => n.zone), [data])
  const versions = useMemo(() => values(data, (n) => n.version), [data])
  const running = data.filter((n) => n.state === 'running').length
  const group = (label: string, key: 'state' | 'pool' | 'zone' | 'version', options: readonly (readonly [string, string])[]) =>
    options.length > 1 || search[key] ? <Chips label={label} options={options} chosen={search[key]} onToggle={(v) => set({ [key]: toggled(search[key], v) })} /> : null
  const drifted = drift.size > 0 || search.drift
  return (
    <Page title="Nodes" name="Nodes" lead={isPending ? undefined : `${plural(running, 'node')} running of ${count(data.length)}${shown.length === data.length ? '' : `; ${count(shown.length)} shown`}.`}>
      <div className="row" style={{ gap: '6px 14px' }}>
        {search.q ? <Filter text={`“${search.q}”`} onRemove={() => set({ q: undefined })} /> : null}
        {group('State', 'state', states)}
        {group('Pool', 'pool', pools)}
        {group('Zone', 'zone', zones.map((v) => [v, v] as const))}
        {group('Version', 'version', versions.map((v) => [v, v] as const))}
        <Chips
          label="More"
          options={[...(drifted ? [['drift', `behind their template${drift.size ? ` (${drift.size})` : ''}`] as const] : []), ['ended', 'with ended'] as const]}
          chosen={[search.drift && 'drift', search.ended && 'ended'].filter(Boolean).join(',')}
          onToggle={(v) => set({ [v]: search[v as 'drift' | 'ended'] ? undefined : 'yes' })}
        />
        {moved ? (
          <Button size="compact-xs" variant="subtle" onClick={() => setAsked((n) => n + 1)}>
            figures moved: sort anew
          </Button>
        ) : null}
      </div>
      <Trouble error={error} what="The nodes cannot be read" healed={data.length > 0} />
      <Aged at={dataUpdatedAt}>
        <Panel flush label="Nodes">
          {isPending ? (
            <div style={{ padding: 14, display: 'grid', gap: 10 }}>
              {[0, 1, 2].map((i) => (
                <Skeleton key={i} height={40} />
              ))}
            </div>
          ) : rows.length ? (
            <NodeTable nodes={rows} drift={drift} sort={search.sort} onSort={(sort) => set({ sort })} />
          ) : data.length ? (
            <Empty title="No node is like that">
              <p>Take a filter off to see the {plural(data.length, 'other node')}.</p>
            </Empty>
          ) : (
            <Empty title="No nodes">
              <p>A cluster launches its nodes by itself, as its policy asks. Fix a number by hand with:</p>
              <Command text={`godwit cluster scale ${cluster ?? 'CLUSTER'} 2`} />
            </Empty>
          )}
        </Panel>
      </Aged>
      <Same command={`godwit node list${cluster ? ` --cluster ${cluster}` : ''}`} />
    </Page>
  )
}
